import { useEffect, useState } from "preact/hooks";

const DARK = matchMedia("(prefers-color-scheme: dark)");

/** Changes when the system's theme does: a canvas does not follow the style sheet by itself. */
export function useColorScheme(): "dark" | "light" {
  const [isDark, setDark] = useState(DARK.matches);
  useEffect(() => {
    const look = () => setDark(DARK.matches);
    DARK.addEventListener("change", look);
    return () => DARK.removeEventListener("change", look);
  }, []);
  return isDark ? "dark" : "light";
}
