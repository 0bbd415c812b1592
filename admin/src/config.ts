// Which project this dashboard looks at: written into index.html by the build, never a secret.
export interface Config {
  /** The project's base URL; empty: the origin that serves the page. */
  url: string;
  /** The publishable key (or the legacy anon key). */
  publishableKey: string;
}

export const config: Config = JSON.parse(
  document.getElementById("config")?.textContent ??
    '{"url":"","publishableKey":""}',
);

export const FUNCTIONS_URL = `${config.url}/functions/v1/orchestrator`;
export const AUTH_URL = `${config.url}/auth/v1`;
