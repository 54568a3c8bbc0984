import { Box, Loader } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { addressOf, request } from "@/api/client";
import { keys } from "@/api/keys";
import { sentence } from "@/api/problem";

interface Props {
  /** Of the API: HTML that somebody wrote, which it sends under a policy that lets it do nothing. */
  path: string;
  title: string;
  className?: string | undefined;
}

/**
 * HTML that somebody wrote, in a frame that can do nothing. It is asked for by the client first: a frame whose session
 * has ended would show the API's refusal, and nobody would be asked to log in.
 */
export function HtmlFrame({ path, title, className }: Props) {
  const { isSuccess, error } = useQuery({
    queryKey: keys.frame(path),
    queryFn: async ({ signal }) => (await request(new Request(path, { signal }))).ok,
    gcTime: 0,
  });
  if (isSuccess) return <iframe src={addressOf(path)} sandbox="" className={className} title={title} />;
  return (
    <Box p="md" mih={160} role="status">
      {error ? sentence(error) : <Loader size="sm" role="img" aria-label="Loading" />}
    </Box>
  );
}
