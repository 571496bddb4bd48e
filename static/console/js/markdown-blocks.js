// Markdown's blocks: pure functions from text to plain objects, each with the place where it starts.
// Raw HTML is no block; it stays the text that it is.

const FENCE = /^ {0,3}(`{3,}|~{3,})[ \t]*([^`\n]{0,200})$/;
const HEADING = /^ {0,3}(#{1,6})(?:[ \t]+(.*))?$/;
const RULE = /^ {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( {0,3})([-*+]|\d{1,9}[.)])(?:([ \t]+)(.*)|)$/;
const ROW_RULE = /^ {0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$/;
const DEEPEST = 8; // quotes and lists within each other; further in they are text

const isBlank = (line) => line.trim() === "";
const indentOf = (line) => /^ */.exec(line)[0].length;

function afterBlanks(lines, at) {
  let next = at;
  while (next < lines.length && isBlank(lines[next])) next += 1;
  return next;
}

/** The blocks of `text`: {kind, start, …}. `start` counts characters of it. */
export function blocks(text, depth = 0) {
  const lines = text.split("\n");
  const starts = [];
  let position = 0;
  for (const line of lines) {
    starts.push(position);
    position += line.length + 1;
  }
  const found = [];
  let at = 0;
  while (at < lines.length) {
    if (isBlank(lines[at])) {
      at += 1;
      continue;
    }
    const block = readBlock(lines, at, depth);
    found.push({ ...block, start: starts[at] });
    at = block.end;
  }
  return found;
}

function readBlock(lines, at, depth) {
  const line = lines[at];
  const fence = FENCE.exec(line);
  if (fence) return readFence(lines, at, fence);
  const heading = HEADING.exec(line);
  if (heading) return { kind: "heading", level: heading[1].length, text: headingText(heading[2] ?? ""), end: at + 1 };
  if (RULE.test(line)) return { kind: "rule", end: at + 1 };
  if (depth < DEEPEST && QUOTE.test(line)) return readQuote(lines, at, depth);
  if (depth < DEEPEST && ITEM.test(line)) return readList(lines, at, depth);
  if (startsTable(lines, at)) return readTable(lines, at);
  return readParagraph(lines, at, depth);
}

/** Without the # that may close a heading. */
function headingText(text) {
  const trimmed = text.trim();
  let end = trimmed.length;
  while (trimmed[end - 1] === "#") end -= 1;
  return end === 0 || /\s/.test(trimmed[end - 1]) ? trimmed.slice(0, end).trimEnd() : trimmed;
}

function readFence(lines, at, [, mark, info]) {
  const closing = new RegExp(`^ {0,3}${mark[0] === "`" ? "`" : "~"}{${mark.length},}[ \\t]*$`);
  const indent = indentOf(lines[at]);
  const code = [];
  let end = at + 1;
  while (end < lines.length && !closing.test(lines[end])) {
    code.push(lines[end].slice(Math.min(indent, indentOf(lines[end]))));
    end += 1;
  }
  const isClosed = end < lines.length;
  return { kind: "code", language: info.trim().split(/\s+/)[0], text: code.join("\n"), end: isClosed ? end + 1 : end };
}

function readQuote(lines, at, depth) {
  const inner = [];
  let end = at;
  while (end < lines.length && (QUOTE.test(lines[end]) || continues(lines, end, depth))) {
    inner.push(lines[end].replace(QUOTE, ""));
    end += 1;
  }
  return { kind: "quote", blocks: blocks(inner.join("\n"), depth + 1), end };
}

/** Whether a line only goes on with the paragraph before it. */
function continues(lines, at, depth) {
  return !isBlank(lines[at]) && !startsOther(lines, at, depth);
}

function startsOther(lines, at, depth) {
  const line = lines[at];
  return (
    FENCE.test(line) ||
    HEADING.test(line) ||
    RULE.test(line) ||
    (depth < DEEPEST && (QUOTE.test(line) || ITEM.test(line))) ||
    startsTable(lines, at)
  );
}

function readList(lines, at, depth) {
  const [, , first] = ITEM.exec(lines[at]);
  const isOrdered = /\d/.test(first);
  const sameKind = (mark) => (isOrdered ? mark.at(-1) === first.at(-1) && /\d/.test(mark) : mark === first);
  const items = [];
  let end = at;
  while (end < lines.length) {
    const item = ITEM.exec(lines[end]);
    if (!item || !sameKind(item[2]) || RULE.test(lines[end])) break;
    const [, indent, mark, gap = " ", rest = ""] = item;
    const width = indent.length + mark.length + (gap.length > 4 ? 1 : gap.length);
    const least = Math.min(width, indent.length + 2); // models indent by two where four are due
    const inner = [rest];
    end += 1;
    while (end < lines.length) {
      const line = lines[end];
      if (isBlank(line)) {
        const next = afterBlanks(lines, end);
        if (next === lines.length || indentOf(lines[next]) < least) break;
        inner.push(...new Array(next - end).fill(""));
        end = next;
        continue;
      }
      if (indentOf(line) >= least) inner.push(line.slice(Math.min(width, indentOf(line))));
      else if (isBlank(inner.at(-1)) || startsOther(lines, end, depth)) break;
      else inner.push(line);
      end += 1;
    }
    items.push(blocks(inner.join("\n"), depth + 1));
    // Items with a blank line between them are still one list.
    const next = afterBlanks(lines, end);
    const another = next < lines.length ? ITEM.exec(lines[next]) : null;
    if (another && sameKind(another[2]) && !RULE.test(lines[next])) end = next;
    else break;
  }
  return { kind: "list", isOrdered, first: isOrdered ? Number.parseInt(first, 10) : 1, items, end };
}

function startsTable(lines, at) {
  const rule = lines[at + 1];
  if (!lines[at].includes("|") || rule === undefined || !rule.includes("-") || !ROW_RULE.test(rule)) return false;
  return cells(lines[at]).length === cells(rule).length;
}

function readTable(lines, at) {
  const aligns = cells(lines[at + 1]).map((cell) => {
    if (cell.endsWith(":")) return cell.startsWith(":") ? "center" : "end";
    return "start";
  });
  const head = cells(lines[at]);
  const rows = [];
  let end = at + 2;
  while (end < lines.length && !isBlank(lines[end]) && lines[end].includes("|")) {
    const row = cells(lines[end]).slice(0, head.length);
    while (row.length < head.length) row.push("");
    rows.push(row);
    end += 1;
  }
  return { kind: "table", aligns, head, rows, end };
}

/** The cells of a table's row; a \| is no border. */
function cells(line) {
  const row = line.trim().replace(/^\|/, "").replace(/(?<!\\)\|$/, "");
  return row.split(/(?<!\\)\|/).map((cell) => cell.trim().replace(/\\\|/g, "|"));
}

function readParagraph(lines, at, depth) {
  let end = at + 1;
  while (end < lines.length && continues(lines, end, depth)) end += 1;
  return {
    kind: "paragraph",
    text: lines.slice(at, end).map((line) => line.trimStart()).join("\n").trimEnd(),
    end,
  };
}
