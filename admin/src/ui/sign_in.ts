// The sign-in: the whole page for somebody new, a dialog over the page for a session that has expired, so
// that what was typed into a form is still there afterwards.
import { useState } from "preact/hooks";
import { html } from "../html.ts";
import { session, signIn, SignInError, signOut } from "../session.ts";
import { Dialog } from "./dialog.ts";

export function SignInPage() {
  return html`
    <main class="sign-in">
      <h1>Wisely Orchestrator</h1>
      <p>Sign in to see the queue, the runs and the workflows of this project.</p>
      <${SignInForm} />
      <p class="muted">
        No account? Whoever keeps this project gives you one with<br />
        <code>npx -y deno@2 task admin:grant you@example.com viewer</code>
      </p>
    </main>
  `;
}

export function ExpiredSession({ email }: { email: string }) {
  return html`
    <${Dialog} title="Your session has ended">
      <p>Sign in again to go on. This page, with what you have typed, is still here.</p>
      <${SignInForm} email=${email} />
      <footer><button type="button" onClick=${() =>
        session.set("signed_out")}>Leave this page</button></footer>
      <//>
  `;
}

/** For a user without a role. */
export function NoRole({ reason }: { reason: string }) {
  return html`
    <main class="sign-in">
      <h1>No access</h1>
      <p role="alert">${reason}</p>
      <button type="button" onClick=${() => void signOut()}>Sign in as somebody else</button>
    </main>
  `;
}

function SignInForm({ email: known = "" }: { email?: string }) {
  const [email, setEmail] = useState(known);
  const [password, setPassword] = useState("");
  const [problem, setProblem] = useState("");
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setProblem("");
    try {
      await signIn(email.trim(), password);
    } catch (error) {
      setProblem(
        error instanceof SignInError
          ? `${error.message}. Check the address and the password.`
          : "The sign-in service does not answer. Try again in a moment.",
      );
      setBusy(false);
    }
  };
  return html`
    <form onSubmit=${submit}>
      <label>E-mail
        <input
          type="email" name="email" autocomplete="username" required value=${email} disabled=${isBusy}
          onInput=${(event: InputEvent) => setEmail((event.target as HTMLInputElement).value)}
        />
      </label>
      <label>Password
        <input
          type="password" name="password" autocomplete="current-password" required value=${password} disabled=${isBusy}
          onInput=${(event: InputEvent) => setPassword((event.target as HTMLInputElement).value)}
        />
      </label>
      <p class="problem" role="alert">${problem}</p>
      <button type="submit" class="primary"
        disabled=${isBusy}>${isBusy ? "Signing in…" : "Sign in"}</button>
    </form>
  `;
}
