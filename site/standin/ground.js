// @ts-check
// The explorer's figure without its moving curves: axes, ticks, labels, legend and pinned curves, laid
// out as lrcourse/widgets/_picture.py lays it out.

// Of a grey that is read on a light page and on a dark one; no ground is painted.
const INK = "#757575";
const GRID = "#80808050";
const FONT = '"DejaVu Sans", Verdana, sans-serif';

function drawGround(about, limits) {
  const narrow = about.width < 560;
  const size = layout(about, narrow);
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [size.width, size.height].map((v) => Math.round(v * about.ratio));
  const pen = canvas.getContext("2d");
  pen.scale(about.ratio, about.ratio);
  const panels = size.boxes.map((box, i) => drawPanel(pen, about, box, limits[i], i, size, narrow));
  if (about.perEpoch) drawEpochs(pen, about, size.boxes[0], narrow);
  drawLegend(pen, about, size, narrow);
  const shares = panels.map(({ left, top, width, height, y }) => ({
    left: left / size.width,
    top: top / size.height,
    width: width / size.width,
    height: height / size.height,
    x: [0, about.steps - 1],
    y: y.slice(0, 2),
    log: y.length > 2,
  }));
  const png = pngOf(canvas);
  return { png, panels: shares, ratio: about.ratio, width: size.width, height: size.height };
}

// The bytes of the picture, at once: what the explorer is given has to be there.
function pngOf(canvas) {
  const text = atob(canvas.toDataURL("image/png").split(",")[1]);
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

function layout(about, narrow) {
  const [left, right] = [narrow ? 80 : 95, 20];
  const epochs = about.perEpoch ? 52 : 0;
  const [rate, momentum, below] = narrow ? [160, 75, 50] : [235, 105, 55];
  const legend = narrow ? 20 * legendRows(about) + 8 : 36;
  const gap = 16;
  const width = about.width - left - right;
  const boxes = [{ left, top: legend + epochs, width, height: rate }];
  if (about.hasMomentum) boxes.push({ left, top: legend + epochs + rate + gap, width, height: momentum });
  const last = boxes.at(-1);
  return { width: about.width, height: last.top + last.height + below, boxes, legend };
}

// In a narrow figure there is room for all the pins, so that nothing moves.
function legendRows(about) {
  const pen = document.createElement("canvas").getContext("2d");
  const pins = Array.from({ length: about.content.room }, (_, i) => `pin ${i + 1}`);
  return rowsOf(pen, legendOf(about, pins), about.width, 10).length;
}

function drawPanel(pen, about, box, y, row, size, narrow) {
  const text = narrow ? 12.5 : 15;
  const bottom = row === size.boxes.length - 1;
  const px = (t) => box.left + (t / (about.steps - 1)) * box.width;
  const log = y.length > 2;
  const along = log ? (v) => Math.log(Math.max(v, y[0] / 1e3)) : (v) => v;
  const [low, high] = [along(y[0]), along(y[1])];
  const py = (v) => box.top + ((high - along(v)) / (high - low)) * box.height;
  pen.font = `${text}px ${FONT}`;
  for (const t of ticks(0, about.steps - 1, narrow ? 4 : 8, true)) {
    rule(pen, GRID, [px(t), box.top], [px(t), box.top + box.height]);
    if (bottom) write(pen, String(t), px(t), box.top + box.height + 6, "center", "top");
  }
  const marks = log ? decades(y[0], y[1]) : ticks(y[0], y[1], row ? 3 : narrow ? 4 : 6);
  for (const v of marks) {
    rule(pen, GRID, [box.left, py(v)], [box.left + box.width, py(v)]);
    write(pen, row ? v.toFixed(1) : general(v, 6), box.left - 7, py(v), "right", "middle");
  }
  about.pins.forEach((pin, i) => {
    const values = row ? pin.momentum : pin.rate;
    if (values) drawPin(pen, box, about.t, values, px, py, about.looks[about.content.names.length + i]);
  });
  rule(pen, INK, [box.left, box.top], [box.left, box.top + box.height], 1);
  rule(pen, INK, [box.left, box.top + box.height], [box.left + box.width, box.top + box.height], 1);
  pen.save();
  pen.translate(narrow ? 14 : 18, box.top + box.height / 2);
  pen.rotate(-Math.PI / 2);
  write(pen, row ? "momentum" : "learning rate", 0, 0, "center", "middle");
  pen.restore();
  const under = box.top + box.height + (narrow ? 42 : 46);
  if (bottom) write(pen, "t, updates already made", box.left + box.width / 2, under, "center", "alphabetic");
  return { ...box, y };
}

function drawPin(pen, box, t, values, px, py, look) {
  pen.save();
  pen.beginPath();
  pen.rect(box.left, box.top - 2, box.width, box.height + 4);
  pen.clip();
  pen.strokeStyle = look.colour;
  pen.lineWidth = 2;
  pen.setLineDash(look.dash.map((d) => d * 2));
  pen.beginPath();
  let open = false;
  values.forEach((v, i) => {
    if (Number.isNaN(v)) return (open = false);
    if (open) pen.lineTo(px(t[i]), py(v));
    else pen.moveTo(px(t[i]), py(v));
    open = true;
  });
  pen.stroke();
  pen.restore();
}

function drawEpochs(pen, about, box, narrow) {
  const most = (about.steps - 1) / about.perEpoch;
  pen.font = `${narrow ? 12.5 : 15}px ${FONT}`;
  for (const e of ticks(0, most, narrow ? 4 : 8)) {
    const x = box.left + (e / most) * box.width;
    rule(pen, INK, [x, box.top - 5], [x, box.top], 1);
    write(pen, general(e, 6), x, box.top - 8, "center", "bottom");
  }
  rule(pen, INK, [box.left, box.top], [box.left + box.width, box.top], 1);
  write(pen, `epochs of ${about.perEpoch} updates`, box.left + box.width / 2, box.top - 28, "center", "bottom");
}

const legendOf = (about, pins) => [
  ...about.content.names.map((text, i) => ({ text, look: about.looks[i], wide: 2.2 })),
  ...pins.map((text, i) => ({ text, look: about.looks[about.content.names.length + i], wide: 1.5 })),
  ...(about.ends ? [{ text: "past the end", look: { ...about.looks[0], dash: [1, 1.65] }, wide: 1.3, past: true }] : []),
];

function rowsOf(pen, entries, width, left) {
  pen.font = `12px ${FONT}`;
  const rows = [[]];
  let x = left;
  for (const entry of entries) {
    const wide = 34 + pen.measureText(entry.text).width + 16;
    if (rows.at(-1).length && x + wide > width) {
      rows.push([]);
      x = left;
    }
    rows.at(-1).push({ ...entry, x });
    x += wide;
  }
  return rows;
}

function drawLegend(pen, about, size, narrow) {
  const entries = legendOf(about, about.pins.map((_, i) => `pin ${i + 1}`));
  let rows = rowsOf(pen, entries, size.width, narrow ? 10 : size.boxes[0].left);
  if (rows.length > 1) rows = rowsOf(pen, entries, size.width, 10);
  const tall = narrow ? 20 : size.legend / rows.length;
  rows.forEach((row, i) => {
    const y = tall * (i + 0.5);
    for (const { text, look, wide, past, x } of row) {
      if (past) {
        pen.fillStyle = "#80808040";
        pen.fillRect(x, y - 5, 28, 10);
      }
      pen.setLineDash(look.dash.map((d) => d * wide * 1.39));
      rule(pen, look.colour, [x, y], [x + 28, y], wide * 1.39);
      pen.setLineDash([]);
      pen.font = `12px ${FONT}`;
      write(pen, text, x + 34, y, "left", "middle");
    }
  });
}

function rule(pen, colour, from, to, width = 0.8) {
  pen.strokeStyle = colour;
  pen.lineWidth = width;
  pen.beginPath();
  pen.moveTo(...from);
  pen.lineTo(...to);
  pen.stroke();
}

function write(pen, text, x, y, align, baseline) {
  pen.fillStyle = INK;
  pen.textAlign = align;
  pen.textBaseline = baseline;
  pen.fillText(text, x, y);
}

function decades(low, high) {
  const first = Math.ceil(Math.log10(low) - 1e-9);
  const count = Math.floor(Math.log10(high) + 1e-9) - first + 1;
  return Array.from({ length: count }, (_, i) => Number(`1e${first + i}`));
}

// Round values between two limits, in at most `most` steps.
function ticks(low, high, most, wholeOnly = false) {
  const least = (high - low) / most;
  const exponent = Math.floor(Math.log10(least));
  const sizes = [1, 2, 2.5, 5, 10].map((digit) => Number(`${digit}e${exponent}`));
  let step = sizes.find((size) => size >= least * (1 - 1e-9) && (!wholeOnly || Number.isInteger(size)));
  step ??= 1;
  const first = Math.ceil(low / step - 1e-9);
  const count = Math.floor((high - first * step) / step + 1e-9);
  return Array.from({ length: count + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}
