import { Text } from "@mantine/core";
import { useWindowEvent } from "@mantine/hooks";
import { modals } from "@mantine/modals";
import type { ReactNode } from "react";
import { FocusBack } from "./FocusBack";

interface Question {
  title: string;
  /** The effect, and whether it can be undone. */
  children: ReactNode;
  /** The verb on the button: "Cancel the campaign". */
  confirm: string;
  cancel?: string;
  danger?: boolean;
}

/** Asks before something that cannot be taken back. Resolves to whether it was confirmed. */
export function confirm({
  title,
  children,
  confirm,
  cancel = "Keep it as it is",
  danger = true,
}: Question): Promise<boolean> {
  return new Promise((resolve) => {
    const id = modals.openConfirmModal({
      title,
      children: <Effect close={() => modals.close(id)}>{children}</Effect>,
      labels: { confirm, cancel },
      confirmProps: danger ? { color: "red.9" } : {},
      closeOnEscape: false,
      onConfirm: () => resolve(true),
      onClose: () => resolve(false), // after onConfirm too, when the answer stands already
    });
  });
}

/** Escape closes the question once all dialogs under it have heard the key, each while the question is open. */
function Effect({ children, close }: { children: ReactNode; close: () => void }) {
  useWindowEvent("keydown", (event) => {
    if (event.key === "Escape" && !event.isComposing) close();
  });
  return (
    <>
      <FocusBack />
      <Text component="div">{children}</Text>
    </>
  );
}
