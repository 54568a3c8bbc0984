import "@mantine/tiptap/styles.layer.css";
import { Input } from "@mantine/core";
import { RichTextEditor } from "@mantine/tiptap";
import Link from "@tiptap/extension-link";
import { useEditor } from "@tiptap/react";
import StarterKit from "@tiptap/starter-kit";
import { type RefObject, useEffect } from "react";
import { nonce } from "@/ui/nonce";
import classes from "../compose.module.css";
import { LiquidPiece } from "./LiquidPiece";
import { linkTarget } from "./links";
import { withoutPieces, withPieces } from "./liquidPieces";
import { cleaned } from "./paste";

interface Props {
  /** What it is called for who does not see it. */
  label?: string;
  html: string;
  onChange: (html: string) => void;
  onFocus: () => void;
  /** Set to what inserts a merge field at the caret, for as long as the editor is there. */
  insert: RefObject<((text: string) => void) | null>;
  error: string | undefined;
}

/** A target as it is typed gets the scheme that it lacks; it may hold merge fields. */
const Links = Link.extend({
  addCommands() {
    const given = this.parent?.();
    const complete = <T extends { href: string }>(attributes: T) => ({
      ...attributes,
      href: linkTarget(attributes.href),
    });
    return {
      ...given,
      setLink: (attributes) => given?.setLink?.(complete(attributes)) ?? (() => false),
      toggleLink: (attributes) => given?.toggleLink?.(attributes && complete(attributes)) ?? (() => false),
    };
  },
}).configure({
  openOnClick: false,
  HTMLAttributes: { rel: null, target: null },
  isAllowedUri: (uri, { defaultValidate }) => /^\{[{%]/.test(uri) || Boolean(defaultValidate(uri)),
});

/** The editor of rich text; loaded when it is chosen. */
export function RichBody({ label = "Rich text", html, onChange, onFocus, insert, error }: Props) {
  const editor = useEditor({
    extensions: [StarterKit.configure({ link: false }), Links, LiquidPiece],
    content: withPieces(html),
    injectNonce: nonce,
    editorProps: {
      attributes: { "aria-label": label, role: "textbox", "aria-multiline": "true" },
      transformPastedHTML: (pasted) =>
        // What was copied in an editor of ours is as it should be.
        withPieces(pasted.includes("data-pm-slice") ? pasted : cleaned(pasted)),
    },
    onUpdate: ({ editor }) => onChange(editor.isEmpty ? "" : withoutPieces(editor.getHTML())),
    onFocus,
  });
  useEffect(() => {
    insert.current = (tag) => editor.chain().focus().insertContent({ type: "liquid", attrs: { tag } }).run();
    return () => {
      insert.current = null;
    };
  }, [editor, insert]);
  return (
    <Input.Wrapper error={error}>
      <RichTextEditor editor={editor} className={classes.editor ?? ""}>
        <RichTextEditor.Toolbar>
          <RichTextEditor.ControlsGroup>
            <RichTextEditor.Bold />
            <RichTextEditor.Italic />
            <RichTextEditor.Underline />
            <RichTextEditor.ClearFormatting />
          </RichTextEditor.ControlsGroup>
          <RichTextEditor.ControlsGroup>
            <RichTextEditor.H2 />
            <RichTextEditor.H3 />
            <RichTextEditor.BulletList />
            <RichTextEditor.OrderedList />
            <RichTextEditor.Blockquote />
          </RichTextEditor.ControlsGroup>
          <RichTextEditor.ControlsGroup>
            <RichTextEditor.Link />
            <RichTextEditor.Unlink />
          </RichTextEditor.ControlsGroup>
          <RichTextEditor.ControlsGroup>
            <RichTextEditor.Undo />
            <RichTextEditor.Redo />
          </RichTextEditor.ControlsGroup>
        </RichTextEditor.Toolbar>
        <RichTextEditor.Content />
      </RichTextEditor>
    </Input.Wrapper>
  );
}
