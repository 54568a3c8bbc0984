import { Alert, Button, Group, Text } from "@mantine/core";
import { IconRefresh } from "@tabler/icons-react";
import { Component, type CSSProperties, type ReactNode, Suspense } from "react";
import { sentence } from "@/api/problem";
import { isNotLoaded, loadAgain } from "./lazyPart";

interface Props {
  children: ReactNode;
  /** It has no place on the page: what is said of its failure is shown in a corner. */
  apart?: boolean;
  /** It was opened, as a dialog is: what takes it away again, so that the same button opens it anew. */
  onClose?: () => void;
}

interface State {
  failed: { error: unknown } | null;
  closed: boolean;
}

/** A part of the page that fails alone: the rest stays, and in its place it is said that it failed. */
export class Boundary extends Component<Props, State> {
  override state: State = { failed: null, closed: false };

  static getDerivedStateFromError(error: unknown) {
    return { failed: { error } };
  }

  override render() {
    const { children, apart = false, onClose } = this.props;
    const { failed, closed } = this.state;
    if (!failed) return children;
    if (closed) return null;
    const { error } = failed;
    return (
      <Failed
        error={error}
        apart={apart}
        again={() => {
          loadAgain(error);
          this.setState({ failed: null });
        }}
        close={
          apart || onClose
            ? () => {
                loadAgain(error);
                this.setState({ closed: true });
                onClose?.();
              }
            : undefined
        }
      />
    );
  }
}

/** A part that is loaded when it is first shown (see `lazyPart`); `waiting` stands in its place until then. */
export function Part({ waiting, ...props }: Props & { waiting?: ReactNode }) {
  return (
    <Boundary {...props}>
      <Suspense fallback={waiting}>{props.children}</Suspense>
    </Boundary>
  );
}

/** Laid over whatever is there. */
const CORNER: CSSProperties = {
  ...{ position: "fixed", right: 16, bottom: 16, zIndex: 400, maxWidth: "min(360px, calc(100vw - 32px))" },
  ...{ background: "var(--surface)", borderRadius: "var(--mantine-radius-default)" },
};

interface FailedProps {
  error: unknown;
  apart: boolean;
  again: () => void;
  close: (() => void) | undefined;
}

function Failed({ error, apart, again, close }: FailedProps) {
  return (
    <div style={apart ? CORNER : undefined}>
      <Alert
        color="red"
        role="alert"
        title="A part of this page is missing"
        withCloseButton={close !== undefined}
        closeButtonLabel="Close"
        onClose={close}
      >
        <Text size="sm" mb="xs">
          {isNotLoaded(error) ? "Its file could not be loaded." : sentence(error)} Try it again; if it stays
          away, loading the page again may help.
        </Text>
        <Group gap="xs">
          <Button
            variant="default"
            size="xs"
            leftSection={<IconRefresh size={14} aria-hidden />}
            onClick={again}
          >
            Try again
          </Button>
          <Button variant="subtle" size="xs" onClick={() => window.location.reload()}>
            Load the page again
          </Button>
        </Group>
      </Alert>
    </div>
  );
}
