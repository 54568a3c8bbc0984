// @vitest-environment jsdom
import { Editor } from "@tiptap/core";
import StarterKit from "@tiptap/starter-kit";
import { afterEach, expect, it, vi } from "vitest";
import { EditorRoom } from "./editorRoom";

let editor: Editor;
const onLook = vi.fn<(refused: string | null) => void>();

function edit(content: string, most: number): Editor {
  onLook.mockReset();
  editor = new Editor({ extensions: [StarterKit, EditorRoom.configure({ most, onLook })], content });
  return editor;
}

afterEach(() => editor.destroy());

/** Of a slice that is dragged within it, as the browser has the editor drop it at a position. */
function drop(
  at: number,
  { from, to }: { from: number; to: number },
  event: { ctrlKey?: boolean; text?: string },
) {
  const { view } = editor;
  editor.commands.setTextSelection({ from, to });
  view.posAtCoords = () => ({ pos: at, inside: -1 });
  const slice = editor.state.selection.content();
  view.dragging = event.text === undefined ? { slice, move: !event.ctrlKey } : null;
  const dropped = Object.assign(new Event("drop", { bubbles: true, cancelable: true }), {
    ctrlKey: event.ctrlKey ?? false,
    dataTransfer: { getData: (type: string) => (type === "text/plain" ? (event.text ?? "") : ""), files: [] },
  });
  view.dom.dispatchEvent(dropped);
}

const pasting = () => new Event("paste") as ClipboardEvent; // jsdom has none of its own
const refusals = () => onLook.mock.calls.flatMap(([why]) => why ?? []);

it("takes what is pasted in place of what is selected, as long as all of it fits", () => {
  const { view } = edit("<p>Hello</p>", 13);
  editor.commands.selectAll();
  view.pasteText("🙂🙂🙂🙂🙂🙂", pasting());
  expect(editor.getHTML()).toBe("<p>🙂🙂🙂🙂🙂🙂</p>");
  editor.commands.setTextSelection({ from: 1, to: 3 });
  view.pasteText("12", pasting());
  expect(editor.getHTML()).toBe("<p>🙂🙂🙂🙂🙂🙂</p>");
  expect(refusals()[0]).toContain("it would have 14 characters, formatting included; 13 are the most");
  view.pasteText("1", pasting());
  expect(editor.getHTML()).toBe("<p>1🙂🙂🙂🙂🙂</p>");
});

it("does not work on what is longer than all may be, and leaves what is selected", () => {
  const { view } = edit("<p>Hello</p>", 20);
  editor.commands.selectAll();
  view.pasteHTML(`<p>${"x".repeat(100)}</p>`, pasting());
  view.pasteText("y".repeat(100), pasting());
  expect(editor.getHTML()).toBe("<p>Hello</p>");
  expect(refusals()).toHaveLength(2);
});

it("has no room for a drop in the place of what is selected, which stays", () => {
  edit("<p>Hello</p>", 13);
  drop(6, { from: 1, to: 6 }, { text: "World" });
  expect(editor.getHTML()).toBe("<p>Hello</p>");
  expect(refusals()).toHaveLength(1);
});

it("measures what is dragged within it where that is copied, and not where it moves", () => {
  edit("<p>one</p><p>two</p>", 20);
  drop(9, { from: 1, to: 4 }, { ctrlKey: true });
  expect(editor.getHTML()).toBe("<p>one</p><p>two</p>");
  expect(refusals()).toHaveLength(1);
  drop(9, { from: 1, to: 4 }, {});
  expect(editor.getText()).toContain("twoone");
});

it("lets a text that is too long already become shorter", () => {
  const { view } = edit("<p>Hello, all of you</p>", 10);
  editor.commands.setTextSelection({ from: 1, to: 18 });
  view.pasteText("Hi, you", pasting());
  expect(editor.getHTML()).toBe("<p>Hi, you</p>");
});
