import { Badge, Paper, Stack, Text, Title } from "@mantine/core";
import { Time } from "@/time/Time";
import { count, counted } from "@/ui/numbers";
import classes from "./CampaignVariants.module.css";
import type { Campaign } from "./queries";
import { StopVariant } from "./StopVariant";

type Variant = NonNullable<Campaign["variants"]>[number];
type Comparison = NonNullable<Campaign["comparisons"]>[number];

/** The results of each step's variants, and whether the difference can be chance; nothing where there are none. */
export function CampaignVariants({ campaign }: { campaign: Campaign }) {
  const { variants = [], comparisons = [] } = campaign;
  if (variants.length === 0) return null;
  return (
    <Paper withBorder radius="lg" p="lg" component="section" aria-labelledby="variants-title">
      <Title order={2} id="variants-title" mb="md">
        Variants
      </Title>
      <Stack gap="lg">
        {comparisons.map((comparison) => (
          <section key={comparison.step} aria-label={`Variants of step ${comparison.step}`}>
            <Text fw={550}>Step {comparison.step}</Text>
            <Text size="sm" mb="xs">
              {words(comparison)}
            </Text>
            <ul className={classes.variants}>
              {variants
                .filter(({ step }) => step === comparison.step)
                .map((variant) => (
                  <One key={variant.id} campaign={campaign} variant={variant} />
                ))}
            </ul>
          </section>
        ))}
      </Stack>
    </Paper>
  );
}

function One({ campaign, variant }: { campaign: Campaign; variant: Variant }) {
  const {
    letter,
    textSince,
    sentBefore = 0,
    sent,
    answered,
    bounced,
    optedOut,
    answerRate,
    weight,
  } = variant;
  return (
    <li className={classes.variant}>
      <Badge variant="light" radius="sm" aria-hidden>
        {letter}
      </Badge>
      <div className={classes.about}>
        <Text>
          <span className={classes.letter}>Variant {letter}: </span>
          {variant.subject ?? firstLine(variant.body ?? "")}
        </Text>
        <Text size="sm" c="dimmed" className="tabular">
          {counted(sent, "email")} sent, {count(answered)} answered
          {sent > 0 && ` (${percent(answered / sent)}; most likely ${range(answerRate)})`}, {count(bounced)}{" "}
          bounced, {count(optedOut)} opted out. Share {weight}.
        </Text>
        {textSince && sentBefore > 0 && (
          <Text size="sm" c="dimmed" className="tabular">
            Since its text was changed <Time value={textSince} />; {counted(sentBefore, "email")} before that
            had another.
          </Text>
        )}
      </div>
      {variant.stoppedAt ? (
        <Text size="sm">Stopped</Text>
      ) : (
        <StopVariant campaign={campaign} which={variant} />
      )}
    </li>
  );
}

const percent = (rate: number) => `${(rate * 100).toFixed(1)} %`;
const range = ({ low, high }: Variant["answerRate"]) => `${low} to ${high} %`;
const firstLine = (text: string) => text.trim().split("\n", 1)[0] ?? "";

export function words({ leading, than, verdict, needed }: Comparison): string {
  if (!leading || !than) return "Nothing to compare yet.";
  if (verdict === "HARDLY_CHANCE")
    return `${leading} is answered more often than ${than}, and that is hardly chance.`;
  if (needed === null) return `Between ${leading} and ${than} no difference is to be seen yet.`;
  return `${leading} is answered more often than ${than}, which can be chance: a difference of this size takes ${counted(needed, "email")} of each.`;
}
