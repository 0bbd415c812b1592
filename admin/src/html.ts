// The templates of every part: htm bound to preact, so that no build step stands between source and browser
// but the bundling.
export { html } from "htm/preact";
