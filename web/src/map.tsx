// The map: every usage a point, on a plain 2D canvas; its accessible twin is the concordance beside it.
import { useSignalEffect } from "@preact/signals";
import KDBush from "kdbush";
import { useEffect, useRef } from "preact/hooks";
import { colourOf, isDark, onTheme } from "./colours";
import type { View } from "./data";
import { choose, colour, hovered, lasso, layer, pin, pinned, senseName, shown, valueOf, values, view } from "./state";

const RADIUS = 4.5;
const GLIDE = 450; // milliseconds from one layer's picture to the next
const still = matchMedia("(prefers-reduced-motion: reduce)");

interface Frame {
  x: number; // centre of the view, in picture coordinates
  y: number;
  zoom: number;
}

class MapCanvas {
  private places = new Float32Array(0); // where points are now, in picture coordinates
  private index: KDBush | null = null;
  private frame: Frame = { x: 0, y: 0, zoom: 1 };
  private drawn = 0;
  private gliding = 0;
  private path: [number, number][] = [];
  private of: View | null = null;

  constructor(
    private canvas: HTMLCanvasElement,
    private tip: HTMLElement,
  ) {}

  /** Take the points of the chosen layer, gliding there from where they are. */
  show(found: View, at: number): void {
    const count = found.usages.length;
    const goal = found.points.subarray(at * count * 2, (at + 1) * count * 2);
    const jump = this.of !== found || still.matches;
    if (this.of !== found) this.frame = { x: 0, y: 0, zoom: 1 };
    this.of = found;
    cancelAnimationFrame(this.gliding);
    if (jump) {
      this.places = goal.slice();
      this.settle();
      return;
    }
    const from = this.places.slice();
    const began = performance.now();
    this.index = null;
    const step = (now: number) => {
      const part = Math.min(1, (now - began) / GLIDE);
      const eased = part < 0.5 ? 2 * part * part : 1 - (2 - 2 * part) ** 2 / 2;
      for (let each = 0; each < goal.length; each++) this.places[each] = from[each] + (goal[each] - from[each]) * eased;
      if (part < 1) {
        this.gliding = requestAnimationFrame(step);
        this.draw();
      } else this.settle();
    };
    this.gliding = requestAnimationFrame(step);
  }

  private settle(): void {
    const index = new KDBush(Math.max(1, this.places.length / 2), 64, Float32Array);
    if (this.places.length === 0) index.add(9, 9);
    for (let each = 0; each < this.places.length; each += 2) index.add(this.places[each], this.places[each + 1]);
    this.index = index.finish();
    this.draw();
  }

  private get scale(): number {
    return (Math.min(this.canvas.clientWidth, this.canvas.clientHeight) / 2 - 16) * this.frame.zoom;
  }

  screen(x: number, y: number): [number, number] {
    const { clientWidth, clientHeight } = this.canvas;
    return [clientWidth / 2 + (x - this.frame.x) * this.scale, clientHeight / 2 - (y - this.frame.y) * this.scale];
  }

  picture(x: number, y: number): [number, number] {
    const { clientWidth, clientHeight } = this.canvas;
    return [(x - clientWidth / 2) / this.scale + this.frame.x, (clientHeight / 2 - y) / this.scale + this.frame.y];
  }

  place(usage: number): [number, number] {
    return this.screen(this.places[2 * usage], this.places[2 * usage + 1]);
  }

  /** The shown usage under a point of the canvas. */
  at(x: number, y: number): number | null {
    if (!this.index || !this.of) return null;
    const [px, py] = this.picture(x, y);
    const among = new Set(shown.peek());
    let best: number | null = null;
    let least = Infinity;
    for (const usage of this.index.within(px, py, (RADIUS + 5) / this.scale)) {
      const distance = (this.places[2 * usage] - px) ** 2 + (this.places[2 * usage + 1] - py) ** 2;
      if (distance < least && among.has(usage)) [best, least] = [usage, distance];
    }
    return best;
  }

  zoom(by: number, x = this.canvas.clientWidth / 2, y = this.canvas.clientHeight / 2): void {
    const [px, py] = this.picture(x, y);
    this.frame.zoom = Math.min(60, Math.max(1, this.frame.zoom * by));
    const [nx, ny] = this.picture(x, y);
    this.frame.x += px - nx;
    this.frame.y += py - ny;
    if (this.frame.zoom === 1) this.frame.x = this.frame.y = 0;
    this.draw();
  }

  pan(dx: number, dy: number): void {
    this.frame.x -= dx / this.scale;
    this.frame.y += dy / this.scale;
    this.draw();
  }

  draw(): void {
    cancelAnimationFrame(this.drawn);
    this.drawn = requestAnimationFrame(() => this.paint());
  }

  private paint(): void {
    const { canvas, of } = this;
    const ratio = devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (!width || !height) return;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const pen = canvas.getContext("2d")!;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    if (!of) return;
    const among = new Set(shown.peek());
    const count = of.usages.length;
    const radius = count > 20_000 ? 1.5 : count > 3_000 ? 2.5 : RADIUS;
    const ranks = new Map(values.peek().map(([value], rank) => [value, rank]));
    const senses = colour.peek() === "sense";
    const groups = new Map<string, number[]>();
    for (let usage = 0; usage < count; usage++) {
      const value = valueOf(usage, colour.peek());
      const paint = !among.has(usage) ? "" : colourOf(senses ? Number(value) : (ranks.get(value) ?? -1));
      const list = groups.get(paint);
      if (list) list.push(usage);
      else groups.set(paint, [usage]);
    }
    const order = [...groups.keys()].sort((a) => (a === "" ? -1 : 1)); // what is left out lies below
    for (const paint of order) {
      pen.fillStyle = paint || (isDark() ? "#39404d" : "#dcdfe5");
      pen.globalAlpha = paint && count > 3_000 ? 0.6 : 1;
      pen.beginPath();
      for (const usage of groups.get(paint)!) {
        const [x, y] = this.place(usage);
        if (x < -9 || y < -9 || x > width + 9 || y > height + 9) continue;
        if (radius < 2) pen.rect(x - radius, y - radius, 2 * radius, 2 * radius);
        else {
          pen.moveTo(x + radius, y);
          pen.arc(x, y, radius, 0, 7);
        }
      }
      pen.fill();
    }
    pen.globalAlpha = 1;
    this.paintPinned(pen, of);
    this.paintHovered(pen);
    this.paintLasso(pen);
    if (this.index) canvas.dataset.settled = String(layer.peek()); // the points stand still, and are to be seen
  }

  private paintPinned(pen: CanvasRenderingContext2D, of: View): void {
    const usage = pinned.peek();
    if (usage === null || usage >= of.usages.length) return;
    const [x, y] = this.place(usage);
    const ink = isDark() ? "#f3f5f9" : "#15181d";
    const first = (layer.peek() * of.usages.length + usage) * of.k;
    pen.strokeStyle = ink;
    for (let rank = 0; rank < of.k; rank++) {
      const [toX, toY] = this.place(of.neighbours[first + rank]);
      pen.globalAlpha = 0.75 - 0.05 * rank;
      pen.lineWidth = rank < 3 ? 1.6 : 1;
      pen.beginPath();
      pen.moveTo(x, y);
      pen.lineTo(toX, toY);
      pen.stroke();
    }
    pen.globalAlpha = 1;
    pen.lineWidth = 2.5;
    pen.beginPath();
    pen.arc(x, y, RADIUS + 3, 0, 7);
    pen.stroke();
  }

  private paintHovered(pen: CanvasRenderingContext2D): void {
    const usage = hovered.peek();
    const { tip, of } = this;
    if (usage === null || !of || usage >= of.usages.length) {
      tip.hidden = true;
      return;
    }
    const [x, y] = this.place(usage);
    pen.strokeStyle = isDark() ? "#f3f5f9" : "#15181d";
    pen.lineWidth = 1.5;
    pen.beginPath();
    pen.arc(x, y, RADIUS + 2, 0, 7);
    pen.stroke();
    const { left, word, right, document, sense } = of.usages[usage];
    tip.replaceChildren();
    const line = globalThis.document.createElement("bdi");
    const node = globalThis.document.createElement("b");
    node.textContent = word;
    line.append(left.slice(-90), node, right.slice(0, 90));
    const source = globalThis.document.createElement("small");
    source.textContent = `${document} · ${senseName(sense)}`;
    tip.append(line, source);
    tip.hidden = false;
    const wide = tip.offsetWidth;
    const tall = tip.offsetHeight;
    tip.style.left = `${Math.max(4, Math.min(x + 12, this.canvas.clientWidth - wide - 4))}px`;
    tip.style.top = `${y + tall + 16 > this.canvas.clientHeight ? y - tall - 12 : y + 12}px`;
  }

  private paintLasso(pen: CanvasRenderingContext2D): void {
    if (this.path.length < 2) return;
    pen.strokeStyle = isDark() ? "#f3f5f9" : "#15181d";
    pen.fillStyle = isDark() ? "#f3f5f922" : "#15181d14";
    pen.lineWidth = 1.5;
    pen.setLineDash([5, 4]);
    pen.beginPath();
    this.path.forEach(([x, y], each) => (each ? pen.lineTo(x, y) : pen.moveTo(x, y)));
    pen.closePath();
    pen.fill();
    pen.stroke();
    pen.setLineDash([]);
  }

  beginLasso(x: number, y: number): void {
    this.path = [[x, y]];
  }

  drawLasso(x: number, y: number): void {
    this.path.push([x, y]);
    this.draw();
  }

  endLasso(): Set<number> | null {
    const path = this.path;
    this.path = [];
    this.draw();
    if (path.length < 4 || !this.of) return null;
    const among = new Set(shown.peek());
    const inside = new Set<number>();
    for (let usage = 0; usage < this.of.usages.length; usage++)
      if (among.has(usage) && isInside(this.place(usage), path)) inside.add(usage);
    return inside;
  }

  /** The shown usage that lies next in a direction, for the arrow keys. */
  beside(usage: number | null, dx: number, dy: number): number | null {
    const among = shown.peek();
    if (usage === null) return among[0] ?? null;
    const [x, y] = this.place(usage);
    let best: number | null = null;
    let least = Infinity;
    for (const other of among) {
      const [ox, oy] = this.place(other);
      const along = (ox - x) * dx + (oy - y) * dy;
      const aside = Math.abs((ox - x) * dy) + Math.abs((oy - y) * dx);
      const cost = along + 2 * aside;
      if (other !== usage && along > 0.5 && cost < least) [best, least] = [other, cost];
    }
    return best ?? usage;
  }
}

function isInside([x, y]: [number, number], path: [number, number][]): boolean {
  let inside = false;
  for (let a = 0, b = path.length - 1; a < path.length; b = a++) {
    const [ax, ay] = path[a];
    const [bx, by] = path[b];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
  }
  return inside;
}

const ARROWS: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

export function UsageMap() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const tip = useRef<HTMLDivElement>(null);
  const map = useRef<MapCanvas | null>(null);

  useEffect(() => {
    const made = new MapCanvas(canvas.current!, tip.current!);
    map.current = made;
    if (view.peek()) made.show(view.peek()!, layer.peek());
    const resized = new ResizeObserver(() => made.draw());
    resized.observe(canvas.current!);
    const themed = onTheme(() => made.draw());
    return () => {
      resized.disconnect();
      themed();
    };
  }, []);
  useSignalEffect(() => {
    const found = view.value;
    const at = layer.value;
    if (found) map.current?.show(found, at);
  });
  useSignalEffect(() => {
    void [shown.value, hovered.value, pinned.value, colour.value, lasso.value];
    map.current?.draw();
  });

  const place = (event: PointerEvent | MouseEvent | WheelEvent): [number, number] => {
    const box = canvas.current!.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const drag = useRef<{ x: number; y: number; moved: boolean; panning: boolean } | null>(null);

  const down = (event: PointerEvent) => {
    if (event.button > 1) return;
    const [x, y] = place(event);
    drag.current = { x, y, moved: false, panning: event.shiftKey || event.button === 1 };
    canvas.current!.setPointerCapture(event.pointerId);
    map.current!.beginLasso(x, y);
  };
  const move = (event: PointerEvent) => {
    const [x, y] = place(event);
    const held = drag.current;
    if (!held) {
      hovered.value = map.current!.at(x, y);
      return;
    }
    if (!held.moved && Math.hypot(x - held.x, y - held.y) < 5) return;
    held.moved = true;
    hovered.value = null;
    if (held.panning) {
      map.current!.pan(x - held.x, y - held.y);
      [held.x, held.y] = [x, y];
    } else map.current!.drawLasso(x, y);
  };
  const up = (event: PointerEvent) => {
    const held = drag.current;
    drag.current = null;
    if (!held) return;
    const inside = map.current!.endLasso();
    if (held.panning && held.moved) return;
    if (held.moved) {
      if (inside) choose(inside);
      return;
    }
    const usage = map.current!.at(...place(event));
    if (usage === null && pinned.value === null && lasso.value) choose(null);
    pin(usage);
  };
  const key = (event: KeyboardEvent) => {
    const arrow = ARROWS[event.key];
    if (arrow) {
      hovered.value = map.current!.beside(hovered.value ?? pinned.value, ...arrow);
      const found = view.value;
      if (found && hovered.value !== null) {
        const { left, word, right } = found.usages[hovered.value];
        canvas.current!.setAttribute("aria-valuetext", `${left.slice(-40)} ${word} ${right.slice(0, 40)}`);
      }
    } else if (event.key === "Enter" || event.key === " ") pin(hovered.value);
    else if (event.key === "Escape") {
      hovered.value = null;
      if (pinned.value !== null) pin(null);
      else if (lasso.value) choose(null);
    } else if (event.key === "+" || event.key === "=") map.current!.zoom(1.4);
    else if (event.key === "-") map.current!.zoom(1 / 1.4);
    else return;
    event.preventDefault();
  };

  return (
    <div class="map">
      <canvas
        ref={canvas}
        id="map"
        tabIndex={0}
        role="img"
        aria-label="Map of usages. Arrow keys go from point to point, Enter selects one, Escape selects none. The list beside it says the same."
        onPointerDown={down}
        onPointerMove={move}
        onPointerUp={up}
        onPointerLeave={() => !drag.current && (hovered.value = null)}
        onKeyDown={key}
        onBlur={() => (hovered.value = null)}
        onWheel={(event) => {
          event.preventDefault();
          map.current!.zoom(Math.exp(-event.deltaY / 400), ...place(event));
        }}
      />
      <div class="tip" ref={tip} hidden />
      <div class="zoom">
        <button type="button" aria-label="Zoom in" onClick={() => map.current!.zoom(1.4)}>
          +
        </button>
        <button type="button" aria-label="Zoom out" onClick={() => map.current!.zoom(1 / 1.4)}>
          −
        </button>
      </div>
    </div>
  );
}
