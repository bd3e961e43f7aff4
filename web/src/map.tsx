// The map: every usage a point, on a plain 2D canvas; its accessible twin is the concordance beside it.
import { useSignalEffect } from "@preact/signals";
import KDBush from "kdbush";
import { useEffect, useRef } from "preact/hooks";
import { colourOf, isDark, onTheme } from "./colours";
import type { View } from "./data";
import { type Density, densityOf } from "./density";
import { paintPixels } from "./pixels";
import {
  GREY,
  OUT,
  choose,
  colour,
  crowd,
  frame,
  group,
  hovered,
  lasso,
  layer,
  look,
  nearestPoints,
  pin,
  pinned,
  ranks,
  seen,
  senseName,
  shown,
  values,
  view,
} from "./state";

const RADIUS = 4.5;
const MANY = 3_000; // points that are drawn pixel by pixel if there are more
const CELL = 4; // pixels on each side of a cell of density
const PAUSE = 120; // milliseconds that the map has to stand still before the server is asked what is in sight
const GLIDE = 450; // milliseconds from one layer's picture to the next
const still = matchMedia("(prefers-reduced-motion: reduce)");

class MapCanvas {
  private places = new Float32Array(0); // where points are now, in picture coordinates
  private index: KDBush | null = null;
  private drawn = 0;
  private gliding = 0;
  private path: [number, number][] = [];
  private of: View | null = null;
  private density: Density | null = null;
  private waiting = 0;
  private asked = 0; // how often it was asked what is in sight
  private answered = 0; // the last of these that was answered

  constructor(
    private canvas: HTMLCanvasElement,
    private tip: HTMLElement,
  ) {}

  /** Take the points of the chosen layer, gliding there from where they are. */
  show(found: View, at: number): void {
    const count = found.usages.length;
    const goal = found.points.subarray(at * count * 2, (at + 1) * count * 2);
    const jump = this.of !== found || still.matches;
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
    return (Math.min(this.canvas.clientWidth, this.canvas.clientHeight) / 2 - 16) * frame.peek().zoom;
  }

  screen(x: number, y: number): [number, number] {
    const { clientWidth, clientHeight } = this.canvas;
    const at = frame.peek();
    return [clientWidth / 2 + (x - at.x) * this.scale, clientHeight / 2 - (y - at.y) * this.scale];
  }

  picture(x: number, y: number): [number, number] {
    const { clientWidth, clientHeight } = this.canvas;
    const at = frame.peek();
    return [(x - clientWidth / 2) / this.scale + at.x, (clientHeight / 2 - y) / this.scale + at.y];
  }

  place(usage: number): [number, number] {
    return this.screen(this.places[2 * usage], this.places[2 * usage + 1]);
  }

  /** The shown usage under a point of the canvas. */
  at(x: number, y: number): number | null {
    if (!this.index || !this.of || this.isDense) return null;
    const [px, py] = this.picture(x, y);
    const among = ranks.peek();
    let best: number | null = null;
    let least = Infinity;
    for (const usage of this.index.within(px, py, (RADIUS + 5) / this.scale)) {
      const distance = (this.places[2 * usage] - px) ** 2 + (this.places[2 * usage + 1] - py) ** 2;
      if (distance < least && among[usage] !== OUT) [best, least] = [usage, distance];
    }
    return best;
  }

  zoom(by: number, x = this.canvas.clientWidth / 2, y = this.canvas.clientHeight / 2): void {
    const [px, py] = this.picture(x, y);
    const at = frame.peek();
    const zoom = Math.min(crowd.peek() ? 2_000 : 60, Math.max(1, at.zoom * by));
    const kept = at.zoom / zoom; // what lies under the pointer stays there
    frame.value = zoom === 1 ? { x: 0, y: 0, zoom } : { x: px + (at.x - px) * kept, y: py + (at.y - py) * kept, zoom };
  }

  pan(dx: number, dy: number): void {
    const at = frame.peek();
    frame.value = { ...at, x: at.x - dx / this.scale, y: at.y + dy / this.scale };
  }

  /** Whether there are too many usages in sight to show them one by one. */
  get isDense(): boolean {
    return crowd.peek() !== null && !seen.peek()?.part;
  }

  /** Ask for what is in sight, when the map has stood still for a moment. */
  lookSoon(): void {
    clearTimeout(this.waiting);
    if (!crowd.peek()) return;
    delete this.canvas.dataset.seen;
    const asked = ++this.asked;
    this.waiting = window.setTimeout(() => {
      const { clientWidth, clientHeight } = this.canvas;
      if (!clientWidth || !clientHeight) return;
      const [left, top] = this.picture(0, 0);
      const [right, bottom] = this.picture(clientWidth, clientHeight);
      const cells = (pixels: number) => Math.min(400, Math.ceil(pixels / CELL));
      void look([left, bottom, right, top], cells(clientWidth), cells(clientHeight)).then(() => {
        this.answered = asked;
        this.draw();
      });
    }, PAUSE);
  }

  end(): void {
    clearTimeout(this.waiting);
    cancelAnimationFrame(this.drawn);
    cancelAnimationFrame(this.gliding);
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
    const began = performance.now();
    if (this.isDense) this.paintDensity(pen);
    else if (of.usages.length > MANY) paintPixels(pen, ratio, this.places, ranks.peek(), (x, y) => this.screen(x, y));
    else this.paintPoints(pen, width, height);
    this.paintPinned(pen, of);
    this.paintHovered(pen);
    this.paintLasso(pen);
    canvas.dataset.drawn = (performance.now() - began).toFixed(2); // milliseconds, for the benchmark
    if (this.index) canvas.dataset.settled = String(layer.peek()); // the points stand still, and are to be seen
    if (crowd.peek() && seen.peek() && this.answered === this.asked) canvas.dataset.seen = this.isDense ? "density" : "points";
  }

  private paintPoints(pen: CanvasRenderingContext2D, width: number, height: number): void {
    const groups = new Map<number, number[]>();
    ranks.peek().forEach((rank, usage) => {
      const list = groups.get(rank);
      if (list) list.push(usage);
      else groups.set(rank, [usage]);
    });
    const order = [...groups.keys()].sort((a) => (a === OUT ? -1 : 1)); // what is left out lies below
    for (const rank of order) {
      pen.fillStyle = rank === OUT ? (isDark() ? "#39404d" : "#dcdfe5") : colourOf(rank === GREY ? -1 : rank);
      pen.beginPath();
      for (const usage of groups.get(rank)!) {
        const [x, y] = this.place(usage);
        if (x < -9 || y < -9 || x > width + 9 || y > height + 9) continue;
        pen.moveTo(x + RADIUS, y);
        pen.arc(x, y, RADIUS, 0, 7);
      }
      pen.fill();
    }
  }

  private paintDensity(pen: CanvasRenderingContext2D): void {
    const found = seen.peek();
    if (!found) return;
    if (this.density?.of !== found || this.density.dark !== isDark())
      this.density = densityOf(found, values.peek().map(([value], rank) => (colour.peek() === "sense" ? Number(value) : rank)));
    const [left, bottom, right, top] = found.box;
    const [x, y] = this.screen(left, top);
    const [toX, toY] = this.screen(right, bottom);
    pen.imageSmoothingEnabled = false;
    pen.drawImage(this.density.image, x, y, toX - x, toY - y);
  }

  /** Say how many usages are in the cell of density at a point of the canvas. */
  tellCell(x: number, y: number): void {
    const found = seen.peek();
    const { tip } = this;
    tip.hidden = true;
    if (!found || !this.density || !this.isDense) return;
    const [left, bottom, right, top] = found.box;
    const [px, py] = this.picture(x, y);
    const column = Math.floor(((px - left) / (right - left)) * found.columns);
    const row = Math.floor(((top - py) / (top - bottom)) * found.rows);
    if (column < 0 || row < 0 || column >= found.columns || row >= found.rows) return;
    const count = this.density.totals[row * found.columns + column];
    if (!count) return;
    tip.textContent = count === 1 ? "1 usage" : `${count.toLocaleString()} usages`;
    this.placeTip(x, y);
  }

  private placeTip(x: number, y: number): void {
    const { tip } = this;
    tip.hidden = false;
    const wide = tip.offsetWidth;
    const tall = tip.offsetHeight;
    tip.style.left = `${Math.max(4, Math.min(x + 12, this.canvas.clientWidth - wide - 4))}px`;
    tip.style.top = `${y + tall + 16 > this.canvas.clientHeight ? y - tall - 12 : y + 12}px`;
  }

  private paintPinned(pen: CanvasRenderingContext2D, of: View): void {
    const usage = pinned.peek();
    if (usage === null || usage >= of.usages.length) return;
    const [x, y] = this.place(usage);
    const ink = isDark() ? "#f3f5f9" : "#15181d";
    pen.strokeStyle = ink;
    const first = (layer.peek() * of.usages.length + usage) * of.k;
    const nearest = of.places
      ? nearestPoints.peek().map((point) => this.screen(...point))
      : Array.from(of.neighbours.subarray(first, first + of.k), (other) => this.place(other));
    for (const [rank, [toX, toY]] of nearest.entries()) {
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
      if (!this.isDense) tip.hidden = true;
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
    this.placeTip(x, y);
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
    const among = ranks.peek();
    const inside = new Set<number>();
    for (let usage = 0; usage < this.of.usages.length; usage++)
      if (among[usage] !== OUT && isInside(this.place(usage), path)) inside.add(usage);
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
    const resized = new ResizeObserver(() => {
      made.draw();
      made.lookSoon();
    });
    resized.observe(canvas.current!);
    const themed = onTheme(() => made.draw());
    return () => {
      made.end();
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
    void [ranks.value, hovered.value, pinned.value, nearestPoints.value, frame.value, seen.value];
    map.current?.draw();
  });
  useSignalEffect(() => {
    void [crowd.value, frame.value, colour.value, group.value];
    map.current?.lookSoon();
  });

  const place = (event: PointerEvent | MouseEvent | WheelEvent): [number, number] => {
    const box = canvas.current!.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const drag = useRef<{ x: number; y: number; moved: boolean; panning: boolean } | null>(null);

  const down = (event: PointerEvent) => {
    if (event.button > 1) return;
    const [x, y] = place(event);
    drag.current = { x, y, moved: false, panning: event.shiftKey || event.button === 1 || map.current!.isDense };
    canvas.current!.setPointerCapture(event.pointerId);
    if (!drag.current.panning) map.current!.beginLasso(x, y);
  };
  const move = (event: PointerEvent) => {
    const [x, y] = place(event);
    const held = drag.current;
    if (!held) {
      if (map.current!.isDense) map.current!.tellCell(x, y);
      else hovered.value = map.current!.at(x, y);
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
    if (map.current!.isDense) {
      map.current!.zoom(2, ...place(event));
      return;
    }
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
    if (arrow && map.current!.isDense) map.current!.pan(-60 * arrow[0], -60 * arrow[1]);
    else if (arrow) {
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
        aria-label={
          crowd.value && !seen.value?.part
            ? "Map of usages, as density. Plus and minus zoom, arrow keys move. The list beside it has a sample of them."
            : "Map of usages. Arrow keys go from point to point, Enter selects one, Escape selects none. The list beside it says the same."
        }
        onPointerDown={down}
        onPointerMove={move}
        onPointerUp={up}
        onPointerLeave={() => {
          if (drag.current) return;
          hovered.value = null;
          tip.current!.hidden = true;
        }}
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
