import "@mantine/core/styles/RadioCard.layer.css";
import "@mantine/core/styles/Radio.layer.css";
import {
  Alert,
  Button,
  Collapse,
  Group,
  NumberInput,
  PasswordInput,
  Radio,
  Select,
  SimpleGrid,
  Stack,
  Text,
  TextInput,
} from "@mantine/core";
import { isNotEmpty } from "@mantine/form";
import { IconInfoCircle } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { type FocusEvent, useEffect, useEffectEvent, useRef, useState } from "react";
import { LIMITS } from "@/api/constants";
import { keys } from "@/api/keys";
import { waysQuery } from "@/features/accounts/queries";
import { FormFailure } from "@/forms/FormFailure";
import { useSubmit } from "@/forms/useSubmit";
import { useUnsaved } from "@/forms/useUnsaved";
import { count } from "@/ui/numbers";
import verbs from "@/ui/verbs.module.css";
import { ConnectButton } from "./ConnectButton";
import { addSender, changeSender } from "./commands";
import { FoundServers, Looking } from "./FoundServers";
import { InboxFields } from "./InboxFields";
import { LimitFields } from "./LimitFields";
import { limitsInWords } from "./limitWords";
import { CUSTOM, FALLBACK, PROVIDERS, type Preset, providerOf, SECURITIES } from "./providers";
import { type Discovered, discoveredQuery, mailProvidersQuery, type Sender } from "./queries";
import classes from "./SenderForm.module.css";
import {
  entered,
  isOfServer,
  keepsInboxPassword,
  keepsPassword,
  NEW_SENDER,
  presetValues,
  type SenderValues,
  senderBody,
  senderPatch,
  valuesOf,
} from "./senderValues";

const FIRST = PROVIDERS[0];
const INBOX_NAMES = {
  imap: "imapHost",
  "imap.host": "imapHost",
  "imap.port": "imapPort",
  "imap.security": "imapSecurity",
  "imap.username": "imapUsername",
  "imap.password": "imapPassword",
};
const MAILBOX = /^[^@\s]+@[^@\s]+\.[^@\s]+$/;
const FOLDED = ["dailyLimit", "leastGapSeconds", "rampFrom", "rampPerDay", "timezone"];

interface Props {
  /** The one to change; undefined for a new one. */
  sender?: Sender | undefined;
  /** The server that a sender without one of its own sends through. */
  fallback: string;
  done: (saved: Sender) => unknown;
  cancel: () => void;
}

export function SenderForm({ sender: shown, fallback, done, cancel }: Props) {
  // As the form began: what somebody else changes meanwhile is not to be changed back.
  const [sender] = useState(shown);
  const [provider, setProvider] = useState(sender ? providerOf(sender.host, sender.email) : "gmail");
  const [preset, setPreset] = useState(sender ? null : (FIRST?.limits ?? null));
  const { form, submit, pending, failure, isDirty } = useSubmit({
    initialValues: sender
      ? valuesOf(sender)
      : { ...NEW_SENDER, ...presetValues(FIRST?.limits ?? null), host: FIRST?.host ?? "" },
    validate: {
      email: isNotEmpty("Give the mailbox's address."),
      host: (host, { ownServer }) => (ownServer && !host.trim() ? "Give the server's host name." : null),
      imapHost: (host, { ownServer, readsInbox }) =>
        ownServer && readsInbox && !host.trim() ? "Give the host where the mailbox is read." : null,
      rampFrom: (from, { rampPerDay }) =>
        from === "" && rampPerDay !== "" ? "Give both, or neither." : null,
      rampPerDay: (more, { rampFrom }) => (more === "" && rampFrom !== "" ? "Give both, or neither." : null),
    },
    send: (values) =>
      sender ? changeSender(sender.id, senderPatch(sender, values)) : addSender(senderBody(values)),
    changes: [keys.senders()],
    done,
    names: { ...INBOX_NAMES, rampUp: "rampFrom", "rampUp.from": "rampFrom", "rampUp.perDay": "rampPerDay" },
    said: ({ email, sharesLoginWith }) =>
      [
        sender ? `${email} is saved.` : `${email} is added.`,
        sharesLoginWith.length > (sender?.sharesLoginWith.length ?? 0) &&
          "Another sender logs in alike: the limits of that one are for both.",
      ]
        .filter(Boolean)
        .join(" "),
  });
  useUnsaved(isDirty);
  const { data: providers } = useQuery(mailProvidersQuery());
  const { data: ways } = useQuery(waysQuery);
  const [address, setAddress] = useState("");
  const { data: found, isFetching: looking } = useQuery({
    ...discoveredQuery(address),
    enabled: address !== "",
  });
  const [reads, setReadsShown] = useState(sender?.imap != null);
  const setReads = (reads: boolean) => {
    setReadsShown(reads);
    form.setFieldValue("readsInbox", reads);
  };
  /** Each by itself: `form.setValues` would make all inputs anew, and take the focus from the one that is typed in. */
  const put = (values: Partial<SenderValues>) => {
    for (const [name, value] of Object.entries(values)) form.setFieldValue(name, value);
  };
  // By the person: what is found then is offered, and fills in nothing.
  const chosen = useRef(false);
  const filled = useRef(form.getValues());
  const isEntering = () =>
    chosen.current ||
    entered(filled.current, form.getValues()) ||
    isOfServer(document.activeElement?.getAttribute("data-path") ?? "");
  /** The login name that the form has filled in. */
  const proposed = useRef("");
  const [taken, setTaken] = useState<Discovered | null>(null);
  const take = (servers: Discovered) => {
    if (!servers.smtp) return;
    const { host, port, security } = servers.smtp;
    choose(providerOf(host, servers.email));
    put({ host, port, security, username: servers.username ?? servers.email });
    if (servers.imap && servers.imap.security !== "none") {
      const { host, port, security } = servers.imap;
      put({ imapHost: host, imapPort: port, imapSecurity: security });
      setReads(true);
    }
    filled.current = form.getValues();
    setTaken(servers);
  };
  const onFound = useEffectEvent((servers: Discovered) => {
    if (servers.confirmed && servers.password.kind !== "none" && !isEntering()) take(servers);
  });
  useEffect(() => {
    if (found) onFound(found);
  }, [found]);
  const onAddress = ({ relatedTarget: next }: FocusEvent) => {
    const { email } = form.getValues();
    if (!sender && MAILBOX.test(email.trim())) setAddress(email.trim());
    if (next !== form.getInputNode("username")) proposeName(provider); // who goes there may write it
  };
  const byGrant = sender?.credential.kind === "OAUTH";
  const choose = (id: string) => {
    setProvider(id);
    form.setFieldValue("ownServer", id !== FALLBACK);
    const chosen = PROVIDERS.find((each) => each.id === id);
    if (!chosen) return;
    const host = id === CUSTOM && sender && providerOf(sender.host) === CUSTOM ? sender.host : chosen.host;
    put({ host: host ?? "", port: chosen.port, security: chosen.security });
    if (!sender) fill(chosen.limits);
    proposeName(id);
  };
  const onChoose = (id: string) => {
    chosen.current = true;
    setTaken(null);
    choose(id);
  };
  /** With none, what was filled in before goes. */
  const fill = (limits: Preset | null) => {
    if (limits ?? preset) put(presetValues(limits));
    setPreset(limits);
  };
  /** Mailboxes are logged in to by their address; Amazon SES has names of its own, other servers may. */
  const proposeName = (id: string) => {
    if (id === FALLBACK || id === CUSTOM || id === "ses") return;
    const { username, email } = form.getValues();
    if (email === "" || (username !== "" && username !== proposed.current)) return; // somebody's own
    const untouched = !entered(filled.current, form.getValues());
    proposed.current = email;
    put({ username: email });
    if (untouched) filled.current = form.getValues();
  };
  const hint = PROVIDERS.find((each) => each.id === provider)?.hint;
  const field = (name: string) => ({ key: form.key(name), ...form.getInputProps(name) });
  const checkbox = (name: string) => ({
    key: form.key(name),
    ...form.getInputProps(name, { type: "checkbox" }),
  });
  return (
    <form onSubmit={submit} noValidate>
      <Stack>
        <FormFailure text={failure} />
        <TextInput
          label="Address"
          type="email"
          autoComplete="off"
          data-autofocus
          {...field("email")}
          onBlur={onAddress}
        />
        {looking && <Looking />}
        {found && !looking && <FoundServers found={found} taken={taken === found} take={() => take(found)} />}
        {!sender && !found && (providers?.length ?? 0) > 0 && (
          <Group gap="xs">
            {providers?.map(({ name }) => (
              <ConnectButton key={name} provider={name} variant="default" size="sm" />
            ))}
          </Group>
        )}
        <TextInput
          label="Display name"
          description="What recipients see beside the address. May stay empty."
          autoComplete="off"
          {...field("displayName")}
        />
        <TextInput
          label="Answers go to"
          description="Reply-To, where a campaign says nothing else. Empty: to this mailbox."
          type="email"
          autoComplete="off"
          {...field("replyTo")}
        />
        <Radio.Group label="Mail server" value={provider} onChange={onChoose}>
          <SimpleGrid cols={{ base: 2, xs: 3 }} spacing="xs" mt={4}>
            {[...PROVIDERS, { id: FALLBACK, name: fallback }].map(({ id, name }) => (
              <Radio.Card key={id} value={id} className={classes.provider ?? ""} aria-label={name}>
                {name}
              </Radio.Card>
            ))}
          </SimpleGrid>
        </Radio.Group>
        {taken === null && (
          <Alert color="petrol" icon={<IconInfoCircle aria-hidden />}>
            {hint ?? `${fallback}: nothing more to set up. Everyone here shares it.`}
          </Alert>
        )}
        <Collapse expanded={provider !== FALLBACK}>
          <Stack>
            <TextInput label="Host" autoComplete="off" spellCheck={false} {...field("host")} />
            <Group grow align="flex-start">
              <NumberInput
                label="Port"
                {...LIMITS.SenderBody.port}
                allowDecimal={false}
                hideControls
                {...field("port")}
              />
              <Select label="Security" allowDeselect={false} data={[...SECURITIES]} {...field("security")} />
            </Group>
            <TextInput
              label="Login name"
              description="Usually the address itself. Empty for a server without login."
              autoComplete="off"
              spellCheck={false}
              {...field("username")}
              onBlur={({ currentTarget }) => {
                // Another window's focus takes it from here only for a while, and leaves it where it is in this one.
                if (document.activeElement !== currentTarget) proposeName(provider);
              }}
            />
            {byGrant && (
              <Text size="sm" c="dimmed">
                It is connected at its provider, and logs in without a password. Another login name or server
                ends that.
              </Text>
            )}
            <PasswordInput
              label={byGrant ? "Password, to log in with one instead" : "Password"}
              description={
                keepsPassword(sender, form.getValues())
                  ? "One is stored, encrypted. Leave this empty to keep it; with another host or login name it has to be given again."
                  : "Stored encrypted, and never shown again."
              }
              autoComplete="new-password"
              {...field("password")}
            />
            <InboxFields
              field={field}
              checkbox={checkbox}
              reads={reads}
              onReads={setReads}
              keepsPassword={keepsInboxPassword(sender, form.getValues())}
            />
          </Stack>
        </Collapse>
        <Group grow align="flex-start">
          <NumberInput
            label="Emails an hour, at most"
            placeholder={usual(ways?.defaultHourlyLimit)}
            {...LIMITS.SenderBody.hourlyLimit}
            allowDecimal={false}
            thousandSeparator=","
            {...field("hourlyLimit")}
          />
          <NumberInput
            label="Connections at once"
            placeholder={usual(ways?.defaultConnections)}
            {...LIMITS.SenderBody.maxConnections}
            allowDecimal={false}
            {...field("maxConnections")}
          />
        </Group>
        <LimitFields
          field={field}
          preset={preset}
          fill={fill}
          hasSome={sender !== undefined && (sender.rampUp !== null || limitsInWords(sender) !== "")}
          isWrong={FOLDED.some((name) => name in form.errors)}
          zone={sender?.timezone}
        />
        <Text size="sm" c="dimmed">
          The limit of the hour counts clock hours: across the turn of an hour nearly twice as many may go out
          within 60 minutes. “Spread evenly” in a campaign avoids that.{" "}
          {sender && "A new limit plans what waits again."}
        </Text>
        <Group justify="flex-end" className={verbs.verbs ?? ""}>
          <Button variant="default" onClick={cancel}>
            Cancel
          </Button>
          <Button type="submit" loading={pending}>
            {sender ? "Save" : "Add the sender"}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

/** The limit when the field stays empty. */
const usual = (figure: number | undefined) => (figure === undefined ? "" : `${count(figure)}, if left empty`);
