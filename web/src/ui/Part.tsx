import { Alert, Button, Text } from "@mantine/core";
import { IconRefresh } from "@tabler/icons-react";
import { Component, type CSSProperties, type ReactNode, Suspense, useState } from "react";
import { sentence } from "@/api/problem";
import { isNotLoaded } from "./lazyPart";

interface Props {
  children: ReactNode;
  /** It has no place on the page: what is said of its failure is shown in a corner. */
  apart?: boolean;
}

/** A part of the page that fails alone: the rest stays, and in its place it is said that it failed. */
export class Boundary extends Component<Props, { failed: { error: unknown } | null }> {
  override state = { failed: null as { error: unknown } | null };

  static getDerivedStateFromError(error: unknown) {
    return { failed: { error } };
  }

  override render() {
    const { failed } = this.state;
    return failed ? <Failed error={failed.error} apart={this.props.apart} /> : this.props.children;
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

function Failed({ error, apart }: { error: unknown; apart: boolean | undefined }) {
  const [closed, setClosed] = useState(false);
  if (closed) return null;
  return (
    <div style={apart ? CORNER : undefined}>
      <Alert
        color="red"
        role="alert"
        title="A part of this page is missing"
        withCloseButton={apart === true}
        closeButtonLabel="Close"
        onClose={() => setClosed(true)}
      >
        <Text size="sm" mb="xs">
          {isNotLoaded(error) ? "Its file could not be loaded." : sentence(error)} Loading the page again may
          help.
        </Text>
        <Button
          variant="default"
          size="xs"
          leftSection={<IconRefresh size={14} aria-hidden />}
          onClick={() => window.location.reload()}
        >
          Load the page again
        </Button>
      </Alert>
    </div>
  );
}
