// Where the repository is, seen from this folder.

export const ROOT = decodeURI(new URL("../..", import.meta.url).pathname).replace(/\/$/, "");
