import { absoluteTime, localTime, relativeTime } from "./format";
import { useNow } from "./useNow";

interface Props {
  /** RFC 3339, as the API gives it. */
  value: string;
  /** "24 Nov, 16:03" or "in 3 hours"; hovering shows all of it with the timezone either way. */
  mode?: "local" | "relative";
}

export function Time({ value, mode = "local" }: Props) {
  const at = new Date(value);
  return (
    <time dateTime={value} title={absoluteTime(at)} className="tabular">
      {mode === "relative" ? <Relative at={at} /> : localTime(at)}
    </time>
  );
}

function Relative({ at }: { at: Date }) {
  return relativeTime(at, new Date(useNow()));
}
