// Finds JSON that parsers read differently: objects with a repeated member, numbers with more digits than a double has,
// and texts with half a character. An altered event could hide behind each of these.

const DEEPEST = 127;
/** An integer without the exponent that RFC 8785 writes from 10^21 on: some programs fail at it. */
const TOO_LONG = /^-?\d{22,}$/;

/** The ambiguous places of a JSON text, each as its path and the problem. */
export function ambiguities(text) {
  const found = [];
  const stack = [];
  function report(message) {
    found.push({ path: stack.map(({ at }) => at), message });
  }
  for (let index = 0; index < text.length;) {
    const character = text[index];
    const top = stack.at(-1);
    if (character === '"') {
      const end = afterText(text, index);
      const value = JSON.parse(text.slice(index, end));
      if (!value.isWellFormed()) report("a text has half a character");
      if (top?.names && top.isBeforeName) {
        [top.at, top.isBeforeName] = [value, false];
        if (top.names.has(value)) report(`the member ${JSON.stringify(value)} stands twice in an object`);
        top.names.add(value);
      }
      index = end;
    } else if (character === "{" || character === "[") {
      stack.push(character === "{" ? { names: new Set(), at: "", isBeforeName: true } : { at: 0 });
      if (stack.length === DEEPEST + 1) report("it is nested too deep");
      index += 1;
    } else if (character === "}" || character === "]") {
      stack.pop();
      index += 1;
    } else if (character === ",") {
      if (top?.names) top.isBeforeName = true;
      else if (top) top.at += 1;
      index += 1;
    } else if (character === "-" || (character >= "0" && character <= "9")) {
      const number = /[-+.\deE]+/y;
      number.lastIndex = index;
      const [written] = number.exec(text);
      if (!isExact(written)) report(`the number ${written} is not written as it was recorded`);
      else if (isSequence(stack) && !/^(0|[1-9]\d*)$/.test(written)) report("the sequence is no whole number");
      index += written.length;
    } else index += 1;
  }
  return found;
}

/** True if the present value is the sequence of an event, in a page of events or in a file with one. */
function isSequence(stack) {
  const [list, ...rest] = stack.map(({ at }) => at);
  return rest.at(-1) === "sequence" && ((list === "event" && rest.length === 1) || (list === "audit_logs" && rest.length === 2));
}

/** The place after a text that begins at `index`. */
function afterText(text, index) {
  for (let at = index + 1; ; at += 1) {
    if (text[at] === "\\") at += 1;
    else if (text[at] === '"' || at >= text.length) return at + 1;
  }
}

/** True if the nearest double equals the number, with the sign of zero. */
function isExact(written) {
  const double = Number(written);
  if (!Number.isFinite(double) || TOO_LONG.test(written) || (double === 0 && written.startsWith("-"))) return false;
  return significant(written) === significant(double.toExponential());
}

/** The digits of a number from the first to the last that is not zero, and the power of ten of the last. */
function significant(written) {
  const [mantissa, exponent = "0"] = written.replace(/^-/, "").split(/e/i);
  const [whole, fraction = ""] = mantissa.split(".");
  const all = whole + fraction;
  const digits = all.replace(/0+$/, "");
  if (digits === "") return "0";
  return `${digits.replace(/^0+/, "")}e${Number(exponent) - fraction.length + all.length - digits.length}`;
}
