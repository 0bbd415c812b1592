// Moving about in a graph: buttons and Ctrl with the wheel zoom, dragging the background and scrolling pan.
import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

const MIN_ZOOM = 0.25;
/** Fitting stops where text can no longer be read and boxes no longer be hit. */
const MIN_FIT = 0.75;
const MAX_ZOOM = 2;
const STEP = 1.25;

export interface PanZoom {
  box: RefObject<HTMLDivElement | null>;
  zoom: number;
  zoomBy(factor: number): void;
  zoomIn(): void;
  zoomOut(): void;
  fit(): void;
}

export function usePanZoom(contentWidth: number): PanZoom {
  const box = useRef<HTMLDivElement>(null);
  const [chosen, setChosen] = useState<number | null>(null);
  const [boxWidth, setBoxWidth] = useState(0);
  const fitting = boxWidth === 0 || contentWidth === 0
    ? 1
    : Math.min(1, Math.max(MIN_FIT, boxWidth / contentWidth));
  const zoom = chosen ?? fitting;
  const newest = useRef(zoom);
  newest.current = zoom;

  const zoomBy = (factor: number) =>
    setChosen(Math.min(MAX_ZOOM, Math.max(MIN_ZOOM, newest.current * factor)));

  useEffect(() => {
    const element = box.current!;
    const observer = new ResizeObserver(([{ contentRect }]) => setBoxWidth(contentRect.width));
    observer.observe(element);
    const turn = (event: WheelEvent) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      zoomBy(event.deltaY < 0 ? STEP : 1 / STEP);
    };
    // The browser would zoom the page instead if this could not be prevented.
    element.addEventListener("wheel", turn, { passive: false });
    const stopDragging = followDrag(element);
    return () => {
      observer.disconnect();
      element.removeEventListener("wheel", turn);
      stopDragging();
    };
  }, []);

  return {
    box,
    zoom,
    zoomBy,
    zoomIn: () => zoomBy(STEP),
    zoomOut: () => zoomBy(1 / STEP),
    fit: () => setChosen(null),
  };
}

/** A finger scrolls by itself; the mouse is helped. */
function followDrag(element: HTMLElement): () => void {
  let last: { x: number; y: number } | null = null;
  const start = (event: PointerEvent) => {
    const isOnNode = (event.target as Element).closest("button") !== null;
    if (event.pointerType !== "mouse" || event.button !== 0 || isOnNode) return;
    last = { x: event.clientX, y: event.clientY };
    element.setPointerCapture(event.pointerId);
  };
  const move = (event: PointerEvent) => {
    if (last === null) return;
    element.scrollLeft -= event.clientX - last.x;
    element.scrollTop -= event.clientY - last.y;
    last = { x: event.clientX, y: event.clientY };
  };
  const end = () => void (last = null);
  element.addEventListener("pointerdown", start);
  element.addEventListener("pointermove", move);
  element.addEventListener("pointerup", end);
  element.addEventListener("pointercancel", end);
  return () => {
    element.removeEventListener("pointerdown", start);
    element.removeEventListener("pointermove", move);
    element.removeEventListener("pointerup", end);
    element.removeEventListener("pointercancel", end);
  };
}
