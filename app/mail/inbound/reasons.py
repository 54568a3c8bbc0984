"""What a bounce means: its reason, and whether it is for good. Words before codes, as in `app.mail.refusals`, which says
whose the fault is; the table here says what it is.

The reasons are those that the field has come to agree on (Sisimai's among others). Hard are only those that name a
mailbox or a domain that does not exist: a false hard bounce costs an address, a false soft one an email.
"""

from __future__ import annotations

import re

from app.mail.inbound.facts import Action, Reason, Report, Severity
from app.mail.inbound.headers import storable
from app.mail.refusals import whose

MOST_TEXT = 2_000
_TELLING = 1_500

_HARD: frozenset[Reason] = frozenset({"USER_UNKNOWN", "HOST_UNKNOWN", "HAS_MOVED", "NOT_ACCEPT"})
_OF_A_MAILBOX: frozenset[Reason | None] = frozenset({"USER_UNKNOWN", "HOST_UNKNOWN", "FILTERED", "SYSTEM_ERROR"})
_POLICY: frozenset[Reason] = frozenset(
    {"REJECTED", "BLOCKED", "BAD_REPUTATION", "REQUIRE_PTR", "AUTH_FAILURE", "POLICY_VIOLATION", "SECURITY_ERROR"}
    | {"SPAM_DETECTED", "VIRUS_DETECTED", "NO_RELAYING", "CONTENT_ERROR", "NOT_COMPLIANT_RFC", "SYNTAX_ERROR"}
    | {"MESG_TOO_BIG", "EXCEED_LIMIT", "TOO_MANY_CONN", "SPEEDING"}
)

_CODE = re.compile(r"(?:^|[\s:;#<(\[\"'-])([245][0-5]\d)(?=[ \-#]|$)(?! (?:seconds|minutes|hours|days|bytes|[kmg]b)\b)")
_ENHANCED = re.compile(r"(?<![\d.])([245]\.\d{1,2}\.\d{1,3})(?![\d]|\.\d)")
_VAGUE = re.compile(r"[245]\.(0\.0|[35]\.0|0\.\d{3})$")


def _words(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


# The first that matches decides.
_BY_WORDS: tuple[tuple[Reason, re.Pattern[str]], ...] = (
    ("SPAM_DETECTED", _words(r"spam classification|(message|mail) content (was )?rejected|(mcspam|spam)signature")),
    ("SECURITY_ERROR", _words(r"unauthenticated senders|authrequired")),
    ("POLICY_VIOLATION", _words(
        r"(for|due to|because of|by) (\w+ )?(polic(y|ies)|security) (reasons?|settings?|restrictions?)|because its content"
        r"|potential(ly)? (security|harmful|dangerous)|(prohibited|forbidden|banned) (file|attachment|extension)",
    )),
    ("VIRUS_DETECTED", _words(
        r"\bvirus(es)?\b|\binfected\b|\bmalware\b|malicious (code|content|file)|\btrojan|\bphish(ing)?\b.{0,30}detect",
    )),
    ("MAILBOX_FULL", _words(
        r"(mail ?box|inbox|account|bo[iî]te|postfach|buz[oó]n|casella|mail folder|message store)\W.{0,40}"
        r"\b(is |are |was )?(currently |now )?(full|over ?quota|exceed\w*( its)?( storage)?( limit| quota)?$|pleine?|voll\b"
        r"|lleno|piena)",
        r"over ?quota|overquota|quota (is |has been |was )?(exceeded|full|used up)|exceed(s|ed|ing)?.{0,40}\bquota\b",
        r"disk quota|out of (storage|disk) (space)?|insufficient (disk|storage|system storage|quota)|not enough"
        r" (storage|disk) space|(full|not enough space) (in|on) (mailbox|disk)|mailbox exceeds|mail ?box .{0,30}too large",
        r"storage (limit|quota|allocation)|no space left on|maildir (delivery )?.{0,20}quota|account is full|"
        r"\bquota (violation|reached)|user is over|(recipient|user)('s)? .{0,30}out of space|mail ?box (is )?full",
        r"would exceed.{0,30}(mailbox|storage|quota)|size limit exceeded for mailbox|has reached .{0,30}quota|"
        r"(does not|doesn't) have (enough|sufficient) (space|disk)|cota excedida|cuota excedida|speicherplatz",
    )),
    ("REQUIRE_PTR", _words(
        r"\b(ptr|rdns|reverse (dns|lookup|hostname|address|path)|reverse-?dns)\b|cannot find your (hostname|reverse)",
        r"(client|ip|helo).{0,40}(does not|doesn't|not) (have|resolve|reverse)|cannot resolve your (ip|address)",
        r"unresolvable relay|no (valid )?reverse|cannot find your hostname|unable to verify.{0,30}reverse|"
        r"hostname .{0,40}not (match|resolve)|ip.{0,20}(name )?not found in dns|ip name lookup failed|forged hostname",
    )),
    ("CONTENT_ERROR", _words(r"duplicate (\w+ )?header|headers? too (large|big|long|many)")),
    ("AUTH_FAILURE", _words(
        r"\b(dmarc|dkim|spf|sender ?id|arc)\b|sender policy framework|domainkeys|unauthenticated (e-?mail|mail|message)"
        r"|not authenticated.{0,60}(spf|dkim|domain)|(pass|passes|failed) (authentication|sender) (checks|verification)",
        r"authentication (checks? )?(failed|requirements?)|email.{0,20}lacks? authentication|lack of authentication|not have authentication information",
    )),
    ("BAD_REPUTATION", _words(
        r"(low|poor|bad|weak|very low) (\w+ ){0,2}reputation|reputation (\w+ ){0,3}(low|poor|bad|too|score|rating)|"
        r"\breputation\b.{0,30}(of|block|reject)|user complaints|unexpected volume|senderscore|sender score",
    )),
    ("TOO_MANY_CONN", _words(
        r"too many (concurrent |simultaneous |open |sender )?(smtp )?(connections?|sessions?)|connection (rate|frequency)"
        r"( is)?( limit| limited| too)|(concurrent|simultaneous) connections?|exceeded .{0,30}connections?|"
        r"connections? .{0,30}(exceeded|limit exceeded)|max(imum)? (number of )?connections?|ip.{0,20}frequency limited",
    )),
    ("SPEEDING", _words(
        r"too (fast|quickly|frequent\w*)|rate[ -]?limit|throttl|receiving mail (at )?too|sending .{0,30}rate|"
        r"limit on the number of|too many (messages|mails|emails|recipients|requests|errors)|slow down|"
        r"(sending|daily|hourly|message) (limit|quota)|reached a limit for sending|exceeded .{0,30}(messages?|rate|sending)",
    )),
    ("SPAM_DETECTED", _words(
        r"\bspam(my|ming|assassin|score|ware)?\b(?!haus|cop|\.\w| ?(host|source|block list))|\bjunk (mail|message)|unsolicited"
        r"|\bube\b|\buce\b|\bphishing|bulk (e-?)?mail|spam-like|looks? like spam|considered spam|content.{0,20}spam",
        r"(message|mail|content|e-mail) (was |has been |is )?(rejected|blocked|refused|filtered).{0,40}(spam|content filter)",
    )),
    ("EXCEED_LIMIT", _words(
        r"message (length|size)? ?exceeds administrative limit|exceeds? (the )?(limit|size) (of|for) (the |this )?"
        r"(recipient|user|mailbox)|message too large for (this )?(recipient|mailbox)",
    )),
    ("MESG_TOO_BIG", _words(
        r"(message|mail|e-mail|content|header|attachment|file|body)( header| file| data)?s?( size)? (is |was |length )?"
        r"(too (big|large|long)|exceeds?|exceeded|larger than|over) ?(the |this |maximum|fixed|max|size|server|allowed|\d|$)?",
        r"(maximum|max) (message |mail )?size (limit )?(exceeded|reached)|exceeds? (the |our |fixed |maximum |max |server )*"
        r"(message )?size|size limit|too (big|large) (message|mail|size)|message is larger than|"
        r"line (is )?too long for|nachricht .{0,20}zu gro|trop volumineu",
    )),
    ("NO_RELAYING", _words(
        r"relay(ing|ed)?( access| not| is)*( to \S+)? (denied|prohibited|permitted|disallowed|not|forbidden)|"
        r"unable to relay|(not|no|does not|cannot) (allowed to |permit(ted)? (to )?)?relay|relay (mail )?(not|access)",
        r"we do not relay|not (a|an open|my) relay|open relay|insecure mail relay|relaying|not .{0,20}gateway for",
    )),
    ("HAS_MOVED", _words(
        r"(has|have) moved|address (has )?changed|(mailbox|user|recipient|account) (has been )?(replaced|moved)|"
        r"(new|changed) (e-?mail )?address is|user not local; please try|has been replaced by|no longer (use|check)s?",
    )),
    ("REJECTED", _words(
        r"(sender|from|envelope|return-?path|mail from|originator|your (address|domain|e-?mail address))\b.{0,60}\b(reject\w*|denied"
        r"|refused|invalid|unknown|not (allowed|authori[sz]ed|permitted|accepted|found|valid|exist|verif\w+)|does not (exist|"
        r"resolve)|doesn't|unresolvable|blocked|bad|illegal|disallowed|must|verif\w+ failed)",
        r"(invalid|bad|unknown|rejected|denied|unaccepted|illegal|non-?existent) (\w+ )?(sender|envelope from|return path|from)|"
        r"(not|n't) (allowed|permitted|authori[sz]ed|permission)( to)? (send|post|mail|submit|use|write)|valid sender|"
        r"(do not|don't|not) accept (e-?mail|mail|messages)? ?from|mail from .{0,40}(reject|refus|denied|not)|backscatter"
        r"|(permission|authori[sz]ation) (is )?(required|denied)? ?to (send|post)|rejected by the (recipient|administrator)"
        r"|only .{0,30}(members|subscribers|authori[sz]ed).{0,30}(send|post)|may not have permission|nicht berechtigt|purported responsible|groups\.google\.com/support",
    )),
    ("NOT_ACCEPT", _words(
        r"malformed or unexpected name server reply|null ?mx|nullmx|(does not|doesn't|do not|don't) (accept|receive|have) (any )?(e-?mails?|mail|messages)\b(?! (from|by))"
        r"|host/domain does not accept mail|smtp protocol returned a permanent error.{0,20}no mail|no mail service",
        r"not accept(ing)? (any )?(mail|messages)( at| for)?|mail receiving (is )?disabled|name server: .{0,40}no data known"
        r"|does not accept mail|no (smtp|mail) service here",
    )),
    ("NETWORK_ERROR", _words(r"host not found, try again|dns query failed|host name lookup failure|lost connection")),
    ("EXPIRED", _words(
        r"connection (timed ?out|refused by)|not accept our requests to connect|deliver(ed)? for (more than |over |the last )?"
        r"[\d.]+ (second|minute|hour|day|week)|connection refused\b.{0,200}deliver(ed)? for",
    )),
    ("HOST_UNKNOWN", _words(
        r"(^|\s)[\w-]+(\.[\w-]+)+ (does not|doesn't) exist|(host|domain|hostname|server)( name| \S+\.\S+)?( is| was| does| did| could| can)*:? "
        r"(unknown|not (be )?(found|exist|resolve\w*|known|valid|reachable)|invalid|non-?existent|n't exist|illegal)",
        r"(no such|unknown|invalid|non-?existent|bad|illegal|unrouteable|unroutable|unresolvable) (mail )?"
        r"(host|domain|destination domain|mailer|mail domain|address domain)|domain (\S+ )?(does not|doesn't|didn't) exist",
        r"nxdomain|name or service not known|(can't|cannot|couldn't|could not|unable to) (find|resolve|locate|look ?up)"
        r"( any| a| the| your)*( mx| mail)? ?(host|domain|server|exchanger|route)|unrouteable (mail )?(address|domain)|"
        r"host or domain name not found|dns lookup failure|no (mx|a|dns|mail) (or a |or mx )?(record|host)s?|no route to domain"
        r"|domain (is )?not reachable|domain must (exist|resolve)|address does not resolve|"
        r"host \S+ (not|isn't) found|all relevant mx records point to non-existent|not a valid domain|destination server for "
        r"this recipient could not be found|mail loops back to me.{0,20}mx problem|domain lookup|couldn't find any host",
    )),
    ("SUSPEND", _words(
        r"(account|mailbox|mail-?box|user|recipient|address|e-?mail)s?\b.{0,40}\b"
        r"(suspend(ed|ing)?|disabled|deactivated|inactive|locked|discontinued|blocked for inactivity|not active|on ?hold"
        r"|terminated|frozen|expired|cancell?ed|unavailable or disabled)",
        r"(suspended|disabled|inactive|deactivated|locked|expired) (\w+ )?(account|mailbox|user|recipient|address|domain)|"
        r"not been logged into|invalid/inactive|is not active|account.{0,20}closed|dormant",
    )),
    ("USER_UNKNOWN", _words(
        r"(user|recipient|mailbox|mail box|address(ee)?|account|e-?mail address|alias|local ?part|person|subscriber|member"
        r"|destinataire|empf\w+nger|destinatari[oa]|customer|inbox)s?'?( address(es)?| account| name| here| \S+@\S+| <\S+>)?"
        r"( is| was| has been| are| does| do| did| specified| you| could| can| cannot| can't| couldn't)*:?,? "
        r"(unknown|not (be )?(known|found|exists?|listed|valid|recognized|recogni[sz]ed|defined|here|locate)|"
        r"(not |n't )+exists?|doesn't exist|does not exist|non-?existent|invalid|undefined|unrecognized|wasn't found"
        r"|not a valid|no longer (exists?|on|with|valid|available|active)|not our|not have|inconnue?|unbekannt"
        r"|desconocid[oa]|sconosciut[oa]|onbekend|nieznany)",
        r"recipient (address )?rejected\W*($|\(in reply)",
        r"(no such|unknown|invalid|non-?existe?a?nt|bad|nonexistent|undeliverable|unrouteable|illegal|incorrect|unrecogni[sz]ed"
        r"|not a valid|not a known|undefined) (\w+ )?(local )?(users?|mailbox|mail box|recipients?|account|address(ee)?|person"
        r"|part|destination|customer|subscriber|alias|e-?mail|login|local-part)",
        r"no (mailbox|account|user|recipient|one) (here|by|with|found|named|of that|is|for|exists|matching|at)|"
        r"(does not|doesn't|did not|not|n't) exist|(does not|doesn't) have an? (\S+ )?account|user doesn|not (a|my) user",
        r"unknown (or illegal )?(alias|local|to)|address (was |could )not (be )?found|(couldn't|can't|cannot|could"
        r" not) (be )?f(i|ou)nd.{0,30}(user|address|recipient|mailbox)|address couldn't be found|recipientnotfound|"
        r"adr\.(ex)?(recip)?not?found|resolver\.adr|addr(ess)?_?unknown|user_unknown",
        r"user not exist|no local mailbox|unknown to (address|system)|not a registered|who does not exist|no such address"
        r"|this (address|user) (no longer|is not)|not in (the )?(directory|address book|database)|not known (at|here|to)|"
        r"has no (mailbox|account)|isn't (a valid|in)|\bunknown user\b|account that you tried to reach|nosuchuser|"
        r"delivery to the following recipients? failed permanently|address you sent your message to wasn't found",
        r"not a (valid|known|current) (mailbox|user|recipient)|invalid/unknown|no valid (recipients?|user|mailbox)|user is"
        r" unknown|is not (one of our|a valid)|recipient .{0,40}(non-?existent|does not)|unzustellbar an unbekannt",
        r"utilisateur inconnu|adresse inconnue|見つかりません|存在しません|宛先不明|不存在|не (существует|найден)|n'existe pas|existiert nicht|no existe|non esiste|bestaat niet|n[aã]o existe"
        r"|nie istnieje|nicht gefunden|keine mailbox|unknown local|unknown address|recipient is not recognized",
    )),
    ("BLOCKED", _words(
        r"(block|black|deny)-?(list|ed|ing)?\b|\b[dr]n?s?bl\b|\brbl\b|spamhaus|spamcop|spam(ming)? (host|source)|barracuda|"
        r"sorbs|surbl|banned|access denied|(ip|host|client|server|network|connection)\b.{0,50}\b"
        r"(blocked|rejected|denied|refused|listed|not (allowed|permitted|accept\w*))|blocked using|blocked by|blocked for",
        r"(refused|rejected|denied).{0,40}(your|the|client|from) (ip|host|server|network|address|connection)|"
        r"dynamic|dial-?up|residential|not allowed to connect|closing transmission channel|connection (was )?refused by"
        r"|refused to talk|go away|your (ip|server|host|network|mail server)|service (not available|unavailable)|"
        r"(part of|on) (a|our|their) (network|block|list)|no(t|n)? smtp service|\bnot accept.{0,20}from (this|your) (ip|host)"
        r"|e-?mail is redundant|helo|ehlo|mail server .{0,20}(rejected|blocked)|\b(domain|sender) (is |was )?blocked",
    )),
    ("SECURITY_ERROR", _words(
        r"(authentication|auth|authoriz\w+) (is |was )?(required|failed|turned on|credentials)|authrequired|must authenticate|"
        r"security (policy|violation|reasons?|problem)|(delivery )?(not authori[sz]ed|restricted)|encrypt\w* (required|failed|needed)"
        r"|insecure|verification (failure|failed)|suspicious|insufficient security|bad (authentication|password)",
    )),
    ("CONTENT_ERROR", _words(
        r"(header|mime|encoding|charset|line|attachment|content|character|subject|body|format)s?\b.{0,40}\b(not (allowed|permitted|"
        r"supported|acceptable)|malformed|invalid|error|duplicate|illegal|forbidden|bare|missing|improper|rejected|denied|syntax)"
        r"|(duplicate|malformed|invalid|missing|improper|illegal|bad|too many) (\w+ ){0,2}(header|mime|content|encoding|subject|date|"
        r"from)|bare (lf|cr)|8-?bit|content rejected|not rfc ?2045|message format|prohibited (file|attachment)",
    )),
    ("NOT_COMPLIANT_RFC", _words(
        r"rfc ?-?\d{3,4}|not (rfc )?compliant|rfc complian|violat\w+ rfc|multiple (from|to) headers",
    )),
    ("POLICY_VIOLATION", _words(
        r"polic(y|ies)|\bprohibited\b|administrative(ly)? (prohib\w+|den\w+|reject\w+|lock\w+)|not (allowed|acceptable|accepted)"
        r"|violat|restricted|forbidden|disallowed|local rule|rule set|legal|unacceptable|content filter|compliance"
        r"|rejected (by|for|due)|against our|message (was )?(refused|rejected)",
    )),
    ("NETWORK_ERROR", _words(
        r"could not connect|unable to connect|connect(ion)? (to \S+ )?(failed|lost|error|was dropped|closed|dropped|interrupted)"
        r"|lost connection|no route to host|network is unreachable|(dns|mx) (query|lookup|resolution|server|error).{0,30}"
        r"(fail|error|problem)|too many hops|hop count exceeded|(mail|routing|delivery) loop|loop(s|ing)? (detected|back)",
        r"host not found, try again|name service error|host (name )?lookup (failed|did not)|name server timeout|tls (is )?(required|handshake|negotiation|"
        r"connection)|starttls|couldn't connect|can't connect|cannot connect|exceeded the hop|message (is )?looping"
        r"|host is (unreachable|down)|unable to (contact|reach) .{0,20}server|unreachable|server unavailable|dns (error|failure)"
        r"|(mx|dns) (lookup|record).{0,30}(fail|tempor)|no mx (or|found)|bad name server|name resolution",
    )),
    ("EXPIRED", _words(
        r"(retry|retries|delivery|queue|message|time)\W? ?(timeout|time ?out|time|period|limit)? (has )?(been )?(exceeded|expired)"
        r"|(message|envelope|mail|delivery|queue) (time )?(has |was )?expired|(too long|been) (in|on) (the )?queue|"
        r"could not be (sent|delivered) for (more than |over |the last )?[\d.]+ ?(day|hour|minute|second|week)",
        r"(for|after|within|over|in|more than|until it is|last) (more than )?[\d.]+ ?\(?(day|hour|minute|week)s?\b.{0,40}"
        r"(retr|gave up|undeliver|queue|deliver|return|old)|(deliver|retr|not been).{0,60}(for|after|within)"
        r" (more than |over |the last )?[\d.]+ ?(day|hour|minute|week)|i'm not going to try again; this message has been",
        r"timed? ?out|timeout|connection refused|not accept our requests to connect|message delayed|delivery (has been |was )?delayed|still being retried"
        r"|temporary problem delivering|will (be )?(re-?tr(y|ied)|kept trying)|not yet been delivered|warning message only"
        r"|unable to deliver this message after|connection reset|undelivered for|deadline",
    )),
    ("MAILER_ERROR", _words(
        r"(mailer|program|command|process|pipe|procmail|script|vacation|child|lmtp|exit)\b.{0,40}\b(error|exit\w*|status|fail\w*|"
        r"died|signal|return\w*|crash)|x-unix;|exit (code|status)|mail system configuration|pipe to \||internal software error"
        r"|temporary failure$|(local|service) (delivery|configuration) (error|agent)|\bmailer error|local delivery failed",
    )),
    ("FILTERED", _words(
        r"(rejected|refused|blocked|filtered|denied|not accepted) by (the )?(recipient|user|addressee|filter|mailbox)|filter(ed|s)?\b"
        r"|(refus|reject|not accept|does not want)\w*.{0,40}(recipient|user)|user reject|destin\w+ refus|recipient refused|"
        r"requested (mail )?action (not taken|aborted).{0,20}mailbox unavailable|mailbox (is )?unavailable|transaction failed",
    )),
    ("SYSTEM_ERROR", _words(
        r"(system|internal|server|resource|configuration|local|software|database|service|disk|i/o|processing|queue file write)\b"
        r".{0,30}\b(error|failure|problem|unavailable|busy|overload\w*|misconfig\w*|failed|trouble|malfunction)|try again later|"
        r"temporar(y|ily)|not (currently )?available|out of memory|can't create|cannot (open|write|create|append)|unable to "
        r"(open|create|process|complete)|timeout waiting|maintenance|resources? temporarily|aliasing/forwarding loop|"
        r"cname lookup failed|misconfigur|this is a .{0,20}error|interrupted system call|not able to accept|system not",
    )),
    ("SYNTAX_ERROR", _words(
        r"syntax|bad (sequence|command|parameter)|command (not|un)|unrecogni[sz]ed command|protocol error|unexpected command|"
        r"improper command|invalid (command|argument)|not implemented|nested mail",
    )),
)  # fmt: skip
# Of RFC 3463 and of those who added to it, where the words say nothing; and those that leave no room for words.
_BY_STATUS: dict[str, Reason] = {
    **dict.fromkeys(("1.1", "1.0", "1.3", "1.4", "1.10", "1.11"), "USER_UNKNOWN"),
    **dict.fromkeys(("1.2", "4.4", "1.12"), "HOST_UNKNOWN"),
    **dict.fromkeys(("1.6", "1.9"), "HAS_MOVED"),
    **dict.fromkeys(("1.7", "1.8", "7.27"), "REJECTED"),
    **dict.fromkeys(("2.0", "7.17", "7.19"), "FILTERED"),
    **dict.fromkeys(("2.1", "7.13", "2.12"), "SUSPEND"),
    **dict.fromkeys(("2.2", "2.122"), "MAILBOX_FULL"),
    **dict.fromkeys(("2.3",), "EXCEED_LIMIT"),
    **dict.fromkeys(("2.4", "3.0", "3.1", "3.2", "3.3", "3.5", "4.3", "4.5"), "SYSTEM_ERROR"),
    **dict.fromkeys(("3.4",), "MESG_TOO_BIG"),
    **dict.fromkeys(("4.0", "4.2", "4.6", "4.14", "4.312", "4.316", "4.317"), "NETWORK_ERROR"),
    **dict.fromkeys(("4.1", "4.7"), "EXPIRED"),
    **dict.fromkeys(("6.0", "6.1", "6.2", "6.3", "6.5", "6.9"), "CONTENT_ERROR"),
    **dict.fromkeys(("7.0", "7.2", "7.3", "7.4", "7.5", "7.6", "7.10", "7.11"), "SECURITY_ERROR"),
    **dict.fromkeys(("7.7", "7.20", "7.21", "7.22", "7.23", "7.24", "7.26", "7.29", "7.30"), "AUTH_FAILURE"),
    **dict.fromkeys(("7.9", "7.509"), "AUTH_FAILURE"),
    **dict.fromkeys(("7.25",), "REQUIRE_PTR"),
    **dict.fromkeys(("7.28",), "SPEEDING"),
    **dict.fromkeys(("5.1", "5.2", "5.4", "5.5"), "SYNTAX_ERROR"),
    **dict.fromkeys(("5.3",), "SYSTEM_ERROR"),
    **dict.fromkeys(("7.606", "7.511", "7.512", "7.513", "7.1"), "BLOCKED"),
    **dict.fromkeys(("7.705", "7.708", "7.501", "7.502", "7.503", "7.232", "7.750"), "REJECTED"),
}

_DECISIVE: dict[str, Reason] = {
    **{"1.6": "HAS_MOVED", "1.7": "REJECTED", "1.8": "REJECTED", "2.3": "EXCEED_LIMIT", "7.25": "REQUIRE_PTR"},
    **{"7.26": "AUTH_FAILURE", "4.312": "NETWORK_ERROR", "7.606": "BLOCKED"},
}
_AT_MAIL = _words(r"(after|reply to|said to|rejected|like our|to our) \W?mail[ _]from|\[mail_from\]|<<< .{0,80}mail from")
_PLAIN = _words(r"have an? (\S+ )?account|見つかりません|no mailbox here")  # nobody says so of a mailbox that exists
_AT_DATA = _words(r"after (end of )?data|reply to (end of )?data|>>> data\b")
_AT_RCPT = _words(r"smtp:rcpt|(after|reply to|said to|like our|rejected|>>>) \W?rcpt|\[rcpt_to\]|does not like recipient")


def judged(recipient: str, action: Action, status: str, diagnostic: str, around: str = "") -> Report:
    """What a report means. `status` and `diagnostic` are its fields, `around` the words for people beside them."""
    said = diagnostic or around
    words = said[:_TELLING]
    found = _CODE.search(words)
    code = int(found[1]) if found else None
    enhanced = _enhanced(status, words)
    reason = reason_of(enhanced, words[found.start() :], f"{words} {around}") if found else "UNDEFINED"
    if reason == "UNDEFINED":
        reason = reason_of(enhanced, words, f"{words} {around}")
    if reason == "UNDEFINED" and around is not said:
        reason = reason_of(enhanced, around[:_TELLING], around)
    level = code if code is not None and code >= 400 else 450 if (enhanced or "5").startswith("4") else 550
    refusal = None if action == "delivered" else whose(level, enhanced, words[:1_000])
    severity: Severity = "hard" if reason in _HARD else "policy" if reason in _POLICY else "soft"
    return Report(
        storable(recipient), action, severity, reason, code, enhanced, storable(" ".join(said.split())[:MOST_TEXT]), refusal
    )


def _enhanced(status: str, words: str) -> str | None:
    """The status (RFC 3463): of the server's own words, unless the field says it better."""
    field = _ENHANCED.search(status)
    said = _ENHANCED.search(words)
    if said is None or (field is not None and _VAGUE.match(said[1])):
        return field[1] if field else None
    return said[1]


def reason_of(enhanced: str | None, words: str, whole: str) -> Reason:
    """By the words of a server; `whole` may say what they were the answer to."""
    detail = (enhanced or "").partition(".")[2]
    if detail in _DECISIVE:
        return _DECISIVE[detail]
    text = " ".join(words.split())
    reason = next((reason for reason, pattern in _BY_WORDS if pattern.search(text)), None)
    if reason in _OF_A_MAILBOX and _AT_MAIL.search(whole):
        return "REJECTED"  # what is unknown there is the sender
    if reason == "SUSPEND" and detail == "1.1":
        return "USER_UNKNOWN"
    if reason == "USER_UNKNOWN" and not detail.startswith("1.") and not _AT_RCPT.search(whole) and not _PLAIN.search(text):
        if detail.startswith(("0.", "2.", "7.")) or _AT_DATA.search(whole):
            return "FILTERED"  # said after the message, or with a code that speaks of a mailbox that exists
    return reason or _BY_STATUS.get(detail, "UNDEFINED")
