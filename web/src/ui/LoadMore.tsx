import { Button, Group, Text } from "@mantine/core";
import { useEffect, useRef } from "react";
import { sentence } from "@/api/problem";
import { counted } from "./numbers";

interface Props {
  /** An infinite query. */
  query: {
    hasNextPage: boolean;
    isFetchingNextPage: boolean;
    isFetchNextPageError: boolean;
    error: unknown;
    fetchNextPage: () => unknown;
  };
  shown: number;
  /** The word for one of the listed things. */
  noun: string;
  /** Several of it, where that is not made by an s. */
  many?: string;
}

/** The end of a list: more comes as one gets there, or by the button. */
export function LoadMore({ query, shown, noun, many }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const { hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage } = query;
  const ready = hasNextPage && !isFetchingNextPage && !isFetchNextPageError;
  useEffect(() => {
    if (!ready || !place.current) return;
    const observer = new IntersectionObserver(
      (entries) => entries.some((entry) => entry.isIntersecting) && fetchNextPage(),
      { rootMargin: "800px 0px" },
    );
    observer.observe(place.current);
    return () => observer.disconnect();
  }, [ready, fetchNextPage]);
  return (
    <Group ref={place} justify="center" gap="md" py="md" mih={66}>
      {isFetchNextPageError && (
        <Text size="sm" role="alert">
          {sentence(query.error)}
        </Text>
      )}
      {hasNextPage ? (
        <Button variant="default" loading={isFetchingNextPage} onClick={() => fetchNextPage()}>
          {isFetchNextPageError ? "Try again" : "Load more"}
        </Button>
      ) : (
        <Text size="sm" c="dimmed">
          That is all: {counted(shown, noun, many)}.
        </Text>
      )}
    </Group>
  );
}
