/** Advice on the words of a sender's server: by the code, where a provider means one thing by it. */

export interface Advice {
  text: string;
  link?: { name: string; url: string };
}

interface Known {
  /** Of what the server said, or of what we say of a connection. */
  said: RegExp;
  advice: Advice;
}

const APP_PASSWORD = { name: "Google: app passwords", url: "https://myaccount.google.com/apppasswords" };
const SMTP_AUTH = {
  name: "Microsoft: authenticated SMTP",
  url: "https://learn.microsoft.com/en-us/exchange/clients-and-mobile-in-exchange-online/authenticated-client-smtp-submission",
};

/** The first that fits is said, so what a provider says stands before what the code means elsewhere. */
const KNOWN: readonly Known[] = [
  {
    said: /\b535[ -]5\.7\.8\b.*(gsmtp|google|gmail)|username and password not accepted/is,
    advice: {
      text: "Google takes no usual password here. Turn on two-step verification, make an app password, and give that.",
      link: APP_PASSWORD,
    },
  },
  {
    said: /\b534[ -]5\.7\.9\b|application-specific password/i,
    advice: { text: "Google asks for an app password. Make one, and give that.", link: APP_PASSWORD },
  },
  {
    said: /\b534[ -]5\.7\.14\b/,
    advice: {
      text: "Google wants to see the person first: log in to the mailbox in a browser, confirm that it was you, then verify again.",
      link: { name: "Google: check activity", url: "https://myaccount.google.com/notifications" },
    },
  },
  {
    said: /\b535[ -]5\.7\.139\b/,
    advice: {
      text: "Microsoft has switched logins with a password off for this mailbox or its organisation. Connect it with Microsoft, or have the administrator switch authenticated SMTP on.",
      link: SMTP_AUTH,
    },
  },
  {
    said: /\b550[ -]5\.7\.30\b/,
    advice: {
      text: "Microsoft takes no logins with a password here any more. Connect the mailbox with Microsoft instead.",
      link: SMTP_AUTH,
    },
  },
  {
    said: /\b5\.7\.60\b/,
    advice: {
      text: "Microsoft lets this login not send as the sender's address. Log in as that address, or have the administrator give the right “Send as”.",
      link: {
        name: "Microsoft: send as another",
        url: "https://learn.microsoft.com/en-us/exchange/recipients-in-exchange-online/manage-permissions-for-recipients",
      },
    },
  },
  {
    said: /\b53[0458]\b|refused the login|authenticationfailed/i,
    advice: {
      text: "The login name or the password is not right for this server. Many providers want an app password, made in the mailbox's settings.",
    },
  },
  {
    said: /certificate is not to be trusted|certificate verify failed/i,
    advice: {
      text: "The server shows a certificate that is not for its name, is over, or is its own. Look at the host name, letter by letter; it is often not the one of the website.",
    },
  },
  {
    said: /wrong version number|record layer failure|unexpected message/i,
    advice: {
      text: "The port speaks another way than chosen: 465 goes with TLS, 587 with STARTTLS.",
    },
  },
  {
    said: /does not offer STARTTLS|no STARTTLS|STARTTLS extension not supported/i,
    advice: { text: "The server offers no STARTTLS at this port. Try port 465 with TLS." },
  },
  {
    said: /^TLS with /i,
    advice: { text: "No encrypted connection came about. Try port 465 with TLS or 587 with STARTTLS." },
  },
  {
    said: /no server of that name|name or service not known/i,
    advice: {
      text: "The host name is not right: look at it letter by letter, or have it found by the address.",
    },
  },
  {
    said: /nothing answers at this port|connection refused|connect call failed/i,
    advice: {
      text: "The host is there and takes no mail at this port. Outgoing mail is at 587 (STARTTLS) or 465 (TLS).",
    },
  },
  {
    said: /no answer within|no answer came in time|did not greet us|no way to it/i,
    advice: {
      text: "The server cannot be reached from here: a firewall may be between, or your host blocks ports of mail. Try port 587.",
    },
  },
];

/** null: we know no better than the server's own words. */
export const adviceOn = (said: string): Advice | null =>
  KNOWN.find((known) => known.said.test(said))?.advice ?? null;
