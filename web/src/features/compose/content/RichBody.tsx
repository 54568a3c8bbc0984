import "@mantine/tiptap/styles.layer.css";
import { Input } from "@mantine/core";
import { RichTextEditor } from "@mantine/tiptap";
import { useEditor } from "@tiptap/react";
import StarterKit from "@tiptap/starter-kit";
import { type RefObject, useEffect } from "react";
import { nonce } from "@/ui/nonce";
import classes from "../compose.module.css";

interface Props {
  html: string;
  onChange: (html: string) => void;
  onFocus: () => void;
  /** Set to what inserts text at the caret, for as long as the editor is there. */
  insert: RefObject<((text: string) => void) | null>;
  error: string | undefined;
}

/** The editor of rich text; loaded when it is chosen. */
export function RichBody({ html, onChange, onFocus, insert, error }: Props) {
  const editor = useEditor({
    extensions: [
      StarterKit.configure({ link: { openOnClick: false, HTMLAttributes: { rel: null, target: null } } }),
    ],
    content: html,
    injectNonce: nonce,
    editorProps: { attributes: { "aria-label": "Rich text", role: "textbox", "aria-multiline": "true" } },
    onUpdate: ({ editor }) => onChange(editor.isEmpty ? "" : editor.getHTML()),
    onFocus,
  });
  useEffect(() => {
    insert.current = (text) => editor.chain().focus().insertContent({ type: "text", text }).run();
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
