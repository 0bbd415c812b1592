// YAML text → the package's document, within bounds. The package reads on after every mistake and
// makes an error of each, which took 20 s for 2 MiB of brackets: here it is driven piece by piece,
// and stopped at the first few mistakes, at too much nesting and at too many pieces. Pure.
import { Composer, type Document, Lexer, Parser } from "yaml";

/** A workflow with the most steps, each with a dozen keys, has about 550,000 pieces. */
const MAX_PIECES = 700_000;

/** A workflow file is four levels deep, its values some more. */
export const MAX_DEPTH = 32;

/** Mistakes that are told; the ones behind them often follow from the first. */
const MAX_FAULTS = 10;

export interface YamlFault {
  offset: number;
  message: string;
}

export interface Composed {
  /** Null where the text is no YAML. */
  document: Document | null;
  faults: YamlFault[];
}

/** A workflow file needs none of them. */
const MAX_DIRECTIVES = 10;

/** Thrown through the package to stop it. */
class Stop extends Error {}

/** In the lexer's stream the next piece is a scalar's text. */
const SCALAR_MARK = "\u001F";

/** What the lexer adds: where a document begins, where a flow collection ends, and the above. */
const LEXER_MARKS = new Set(["\u0002", "\u0018", SCALAR_MARK]);

export function composeYaml(source: string): Composed {
  const composition = new Composition(source);
  try {
    composition.run();
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
  }
  const { faults, document } = composition;
  return { document: faults.length === 0 ? document : null, faults };
}

class Composition {
  readonly faults: YamlFault[] = [];
  document: Document | null = null;
  readonly #source: string;
  readonly #composer = new Composer({ version: "1.2", schema: "core", uniqueKeys: false });
  #hasDocument = false;
  #directives = 0;
  #flowDepth = 0;
  #lineDepth = 0;

  constructor(source: string) {
    this.#source = source;
    // Not part of its declared interface, but of the pinned version: the one place where every
    // mistake passes, before an error with a stack trace is made of it.
    Reflect.set(
      this.#composer,
      "onError",
      (at: unknown, code: string, message: string) => this.#hear(at, code, message),
    );
  }

  run(): void {
    // All pieces first: cutting is four times as fast as parsing, and enough to refuse most attacks.
    const pieces = this.#cut();
    const parser = new Parser();
    for (const piece of pieces) {
      for (const token of parser.next(piece)) this.#take(token);
    }
    for (const token of parser.end()) this.#take(token);
    for (const document of this.#composer.end(true, this.#source.length)) this.document = document;
  }

  #cut(): string[] {
    const pieces: string[] = [];
    let offset = 0;
    let isScalar = false;
    for (const piece of new Lexer().lex(this.#source)) {
      if (pieces.push(piece) > MAX_PIECES) {
        this.#stop(offset, `the file has too many parts: more than ${MAX_PIECES} words and signs`);
      }
      if (!isScalar) this.#countDepth(piece, offset);
      isScalar = piece === SCALAR_MARK;
      if (!LEXER_MARKS.has(piece)) offset += piece.length;
    }
    return pieces;
  }

  #take(token: Parameters<Composer["next"]>[0]): void {
    if (token.type === "error") {
      const shown = token.source === "" ? "" : `: ${JSON.stringify(token.source.slice(0, 40))}`;
      return this.#note(token.offset, `YAML: ${token.message}${shown}`);
    }
    if (token.type === "directive" && ++this.#directives > MAX_DIRECTIVES) {
      this.#stop(token.offset, "a workflow file has no use for so many directives of YAML");
    }
    if (token.type === "document") {
      if (this.#hasDocument) {
        this.#stop(token.offset, "a workflow file holds one YAML document, not several");
      }
      this.#hasDocument = true;
    }
    if (token.type === "doc-end" && !this.#hasDocument) {
      return this.#note(token.offset, "YAML: the document ends before it begins");
    }
    // A document that is followed by another one: there is none.
    for (const document of this.#composer.next(token)) this.document = document;
  }

  /** Flow collections, and collections that begin on one line; indentation is bounded by the text. */
  #countDepth(piece: string, offset: number): void {
    switch (piece[0]) {
      case "[":
      case "{":
        this.#flowDepth++;
        break;
      case "]":
      case "}":
        this.#flowDepth = Math.max(0, this.#flowDepth - 1);
        break;
      case "-":
      case "?":
      case ":":
        this.#lineDepth++;
        break;
      case "\n":
      case "\r":
        this.#lineDepth = 0;
        return;
      default:
        return;
    }
    const isFlow = this.#flowDepth > 0;
    if (isFlow) this.#lineDepth = 0;
    if (this.#flowDepth > MAX_DEPTH || this.#lineDepth > MAX_DEPTH) {
      this.#stop(offset, "the YAML is nested too deeply");
    }
  }

  #hear(at: unknown, code: string, message: string): void {
    // A tag is refused where the values are read, with what to do about it.
    if (code === "TAG_RESOLVE_FAILED") return;
    // The package composes recursively and reports its exhausted stack, or our stop, as a mistake.
    if (code === "RESOURCE_EXHAUSTION") {
      if (this.faults.length >= MAX_FAULTS) throw new Stop();
      this.#stop(readOffset(at), "the YAML is nested too deeply");
    }
    this.#note(readOffset(at), `YAML: ${message}`);
  }

  #note(offset: number, message: string): void {
    this.faults.push({ offset, message });
    if (this.faults.length >= MAX_FAULTS) throw new Stop();
  }

  #stop(offset: number, message: string): never {
    this.faults.push({ offset, message });
    throw new Stop();
  }
}

/** The package tells a place as an offset, a range or a token. */
function readOffset(at: unknown): number {
  if (typeof at === "number") return at;
  if (Array.isArray(at)) return Number(at[0]);
  return (at as { offset: number }).offset;
}
