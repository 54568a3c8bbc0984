import { type Attributes, Node } from "@tiptap/core";

/** Only what every mail program draws: no styles. */
const SPANS: Attributes = { colspan: { default: null }, rowspan: { default: null } };

/** A table that was pasted: its cells can be written in, and its shape stays. */
const Table = Node.create({
  name: "table",
  group: "block",
  content: "tableRow+",
  isolating: true,
  addAttributes() {
    return {
      border: { default: "0", parseHTML: (element) => (Number(element.getAttribute("border")) ? "1" : "0") },
    };
  },
  parseHTML() {
    return [{ tag: "table" }];
  },
  renderHTML({ HTMLAttributes }) {
    const drawn = HTMLAttributes.border === "1" ? { rules: "all" } : {};
    return ["table", { ...HTMLAttributes, ...drawn, cellpadding: "6", cellspacing: "0" }, ["tbody", 0]];
  },
});

const TableRow = Node.create({
  name: "tableRow",
  content: "tableCell+",
  parseHTML() {
    return [{ tag: "tr" }];
  },
  renderHTML() {
    return ["tr", 0];
  },
});

const TableCell = Node.create({
  name: "tableCell",
  content: "inline*",
  isolating: true,
  addAttributes() {
    return {
      ...SPANS,
      head: { default: false, rendered: false, parseHTML: (element) => element.tagName === "TH" },
    };
  },
  parseHTML() {
    return [{ tag: "td" }, { tag: "th" }];
  },
  renderHTML({ node, HTMLAttributes }) {
    return [node.attrs.head ? "th" : "td", { ...HTMLAttributes, align: "left", valign: "top" }, 0];
  },
  addKeyboardShortcuts() {
    return {
      // A new line; a new cell would be in one row alone.
      Enter: ({ editor }) => editor.isActive(this.name) && editor.commands.setHardBreak(),
    };
  },
});

export const TABLES = [Table, TableRow, TableCell];
