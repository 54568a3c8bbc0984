import { useInfiniteQuery } from "@tanstack/react-query";
import { Time } from "@/time/Time";
import { LoadMore } from "@/ui/LoadMore";
import { AnchorLink } from "@/ui/links";
import { Panel, Row, Rows } from "@/ui/Panel";
import { StatusBadge } from "@/ui/StatusBadge";
import { type ResponseFilter, responsesQuery } from "./queries";
import { useMayRead } from "./useMayRead";
import { kindWords, verdict, writerOf } from "./words";

/** Responses to an email, or from a recipient; nothing where there are none. */
export function ResponsesPanel({ of }: { of: Pick<ResponseFilter, "emailId" | "address"> }) {
  const mayRead = useMayRead();
  const query = useInfiniteQuery({ ...responsesQuery(of), enabled: mayRead });
  const found = query.data?.pages.flatMap(({ items }) => items) ?? [];
  if (found.length === 0) return null;
  return (
    <div>
      <Panel
        title="What came back"
        rows={
          <Rows label="What came back">
            {found.map((each) => (
              <Row
                key={each.id}
                title={
                  <AnchorLink to="/replies" search={{ response: each.id }}>
                    {each.subject || "(no subject)"}
                  </AnchorLink>
                }
                facts={
                  <>
                    <StatusBadge {...kindWords(each)} />
                    <span>
                      {writerOf(each)}, <Time value={each.receivedAt} />
                    </span>
                    {verdict(each) && <span>{verdict(each)}</span>}
                    {each.label && <span>{each.label}</span>}
                  </>
                }
              />
            ))}
          </Rows>
        }
      />
      {query.hasNextPage && <LoadMore query={query} shown={found.length} noun="response" />}
    </div>
  );
}
