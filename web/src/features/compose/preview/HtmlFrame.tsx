import { useEffect, useRef } from "react";
import { messageFrame } from "@/ui/MessageBody";

const FRAME = "html-preview";

/**
 * The HTML in a frame that can do nothing, under a policy of its own: a page of ours would not show the styles that an
 * email has in it. The content to fill in is too long for an address, hence a form; hence, too, a new frame each time,
 * or the browser's "back" would lead through all of them.
 */
export function HtmlFrame({ request }: { request: string }) {
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => form.current?.submit(), []);
  return (
    <>
      <form
        ref={form}
        method="post"
        action="/api/campaigns/render/html"
        encType="multipart/form-data"
        target={FRAME}
        hidden
      >
        <input type="hidden" name="request" value={request} />
      </form>
      <iframe name={FRAME} sandbox="" className={messageFrame} title="Rich text of the email" />
    </>
  );
}
