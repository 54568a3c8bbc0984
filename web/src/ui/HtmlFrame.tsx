import { Box, Loader } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { addressOf, request } from "@/api/client";
import { keys } from "@/api/keys";
import { ApiProblem, sentence } from "@/api/problem";

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
  const { data, error } = useQuery({
    queryKey: keys.frame(path),
    queryFn: async ({ signal }) => (await request(new Request(path, { signal }))).ok,
    gcTime: 0,
  });
  if (data && !isRefusal(error))
    return <iframe src={addressOf(path)} sandbox="" className={className} title={title} />;
  return (
    <Box p="md" mih={160} role="status">
      {error ? sentence(error) : <Loader size="sm" role="img" aria-label="Loading" />}
    </Box>
  );
}

/** It is not there, or not for this person, by now; any other failure passes, and leaves what is shown. */
const isRefusal = (error: Error | null) =>
  error instanceof ApiProblem && error.status >= 400 && error.status < 500 && error.status !== 429;
