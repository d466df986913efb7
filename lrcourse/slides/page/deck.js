// @ts-check
// Shows the deck: keys, the speaker's notes (S), formulas, and slides that are never cut off.

const WIDE = 1280, HIGH = 720; // px, before reveal.js scales the slide to the screen
const LEAST = 0.6; // of the full size; smaller than that nobody in the last row can read it
const STEP = 0.04;
const READABLE = 0.85; // of its own size: the letters of the course's figures are 14 px high

const reveal = /** @type {any} */ (window).Reveal;

// @ts-ignore
window.MathJax = {
  skipStartupTypeset: true, // a formula is set when its slide is shown: hidden, it has no size
  messageStyle: "none",
  showMathMenu: false,
  tex2jax: { inlineMath: [["$", "$"]], displayMath: [["$$", "$$"]], processEscapes: true },
  "HTML-CSS": { availableFonts: [], webFont: "STIX-Web", imageFont: null, matchFontHeight: false, scale: 115 },
  AuthorInit: () => mathJax().Hub.Register.StartupHook("End", () => show()),
};
const mathJax = () => /** @type {any} */ (window).MathJax;

// The largest size at which the slide has room; pictures take the room that the text leaves.
/** @param {HTMLElement} slide */
function fit(slide) {
  const pictures = [...slide.querySelectorAll("img")];
  for (let size = 1; ; size -= STEP) {
    slide.style.setProperty("--size", size.toFixed(2));
    for (const picture of pictures) picture.style.height = "0";
    const room = (HIGH - slide.scrollHeight) / pictures.length;
    const drawn = pictures.map((picture) => draw(picture, room));
    const fits = slide.scrollHeight <= HIGH && slide.scrollWidth <= WIDE && drawn.every(Boolean);
    if (fits || size - STEP < LEAST) break;
  }
}

// As high as there is room, and no wider than the slide. Whether its letters can be read.
/** @param {HTMLImageElement} picture @param {number} room */
function draw(picture, room) {
  const own = 14 * parseFloat(picture.style.width) || picture.naturalWidth; // px: finer ones say it in em
  const high = (own * picture.naturalHeight) / picture.naturalWidth;
  const widest = (picture.parentElement?.clientWidth ?? WIDE) / own;
  const share = Math.max(Math.min(widest, room / high), 0.4);
  picture.style.height = `${share * high}px`;
  return share >= Math.min(READABLE, widest);
}

function show() {
  const slide = reveal.getCurrentSlide();
  if (!slide) return;
  const ready = () => {
    fit(slide);
    reveal.layout();
    slide.dataset.shown = "";
  };
  const hub = mathJax().Hub;
  if (hub?.Typeset) hub.Queue(["Typeset", hub, slide], ready);
}

reveal.initialize({
  width: WIDE,
  height: HIGH,
  margin: 0,
  minScale: 0.1,
  maxScale: 4,
  center: false,
  hash: true,
  slideNumber: "c/t",
  transition: "none",
  backgroundTransition: "none",
  pdfMaxPagesPerSlide: 1,
  plugins: [/** @type {any} */ (window).RevealNotes],
});
reveal.on("ready", show);
reveal.on("slidechanged", show);
