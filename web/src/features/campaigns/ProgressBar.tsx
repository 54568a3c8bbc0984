import { Box, Tooltip } from "@mantine/core";
import { EMAIL_STATUS, EMAIL_STATUSES } from "@/features/ledger/words";
import { Count } from "@/ui/Count";
import { count, counted } from "@/ui/numbers";
import { of } from "./counts";
import classes from "./ProgressBar.module.css";
import type { Campaign } from "./queries";
import { progressText } from "./words";

type Progress = Pick<Campaign, "counts" | "total" | "status">;

/** A campaign's emails by status, all of them: the parts add up to the whole. */
export function ProgressBar({ campaign, tall = false }: { campaign: Progress; tall?: boolean }) {
  const parts = EMAIL_STATUSES.map((status) => [EMAIL_STATUS[status].label, of(campaign, status)] as const);
  return (
    <Box role="img" aria-label={progressText(parts, campaign.total)} className={classes.bar} mod={{ tall }}>
      {EMAIL_STATUSES.filter((status) => of(campaign, status) > 0).map((status) => (
        <Tooltip key={status} label={share(EMAIL_STATUS[status].label, of(campaign, status), campaign.total)}>
          <span style={{ flexGrow: of(campaign, status), background: EMAIL_STATUS[status].color }} />
        </Tooltip>
      ))}
    </Box>
  );
}

function share(label: string, n: number, total: number): string {
  return `${label}: ${count(n)} of ${counted(total, "email")} (${percent(n, total)})`;
}

/** Only all is 100 %, only none 0 %. */
function percent(n: number, total: number): string {
  const rounded = Math.round((n / total) * 100);
  if (rounded === 100 && n < total) return "over 99 %";
  return rounded === 0 && n > 0 ? "under 1 %" : `${rounded} %`;
}

/**
 * The meanings of the bar's colours, with numbers. While it runs, the first three are always there and none grows, so
 * that little moves.
 */
export function ProgressLegend({ campaign }: { campaign: Progress }) {
  const moves = campaign.status === "ACTIVE";
  const width = moves ? `${count(campaign.total).length}ch` : undefined;
  return (
    <ul className={classes.legend}>
      {EMAIL_STATUSES.filter((status, place) => (moves && place < 3) || of(campaign, status) > 0).map(
        (status) => (
          <li key={status}>
            <span className={classes.dot} style={{ background: EMAIL_STATUS[status].color }} aria-hidden />
            {EMAIL_STATUS[status].label}
            <strong style={{ minWidth: width }}>
              <Count value={of(campaign, status)} />
            </strong>
          </li>
        ),
      )}
    </ul>
  );
}
