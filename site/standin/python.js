// @ts-check
// How Python writes numbers, so that a page says what a notebook says.

// f"{v:.{digits}g}"
function general(v, digits) {
  if (Number.isNaN(v)) return "nan";
  if (!Number.isFinite(v)) return v < 0 ? "-inf" : "inf";
  if (v === 0) return "0";
  const [shown, power] = evenly(v, digits).split("e");
  const exponent = Number(power);
  if (exponent < -4 || exponent >= digits) return `${bare(shown)}e${signed(exponent)}`;
  return bare(placed(shown, exponent));
}

// As toExponential, but a tie goes to the even digit, as in Python.
function evenly(v, digits) {
  const [long, power] = Math.abs(v).toExponential(80).split("e");
  const all = long.replace(".", "");
  const tie = /^50*$/.test(all.slice(digits)) && Number(all[digits - 1]) % 2 === 0;
  const short = tie ? `${all[0]}.${all.slice(1, digits)}e${power}` : Math.abs(v).toExponential(digits - 1);
  return `${v < 0 ? "-" : ""}${short}`;
}

const bare = (digits) => (digits.includes(".") ? digits.replace(/\.?0+$/, "") : digits);
const signed = (exponent) => `${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;

// repr of a float
function floatRepr(v) {
  if (!Number.isFinite(v)) return general(v, 6);
  if (v === 0) return Object.is(v, -0) ? "-0.0" : "0.0";
  const [digits, power] = v.toExponential().split("e");
  const exponent = Number(power);
  if (exponent < -4 || exponent >= 16) return `${digits}e${signed(exponent)}`;
  const plain = placed(digits, exponent);
  return plain.includes(".") ? plain : `${plain}.0`;
}

// "1.25" times 10 to that power, written out
function placed(shown, exponent) {
  const sign = shown.startsWith("-") ? "-" : "";
  const digits = shown.replace(/[-.]/g, "");
  if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, "0");
  const rest = digits.slice(exponent + 1);
  return `${sign}${whole}${rest ? `.${rest}` : ""}`;
}

// repr of the value of a field, by the type of its kind: "float", "int", "bool", "str" or "list"
function repr(value, type) {
  if (value === null) return "None";
  if (type === "float") return floatRepr(value);
  if (type === "bool") return value ? "True" : "False";
  if (type === "str") return `'${value}'`;
  if (type === "tuple") return value.length === 1 ? `(${value[0]},)` : `(${value.join(", ")})`;
  return type === "list" ? `[${value.join(", ")}]` : String(value);
}

// What a control writes.
function textOf(value, type) {
  if (type === "float" && value !== null) return general(value, 6);
  if (type === "str") return value;
  if (type === "list") return value.join(", ");
  return repr(value, type);
}

class ValueError extends Error {}

const sentenceOf = (text) => `${text.replace(/\.$/, "")}.`;
