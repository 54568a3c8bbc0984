"""Words and codes of servers in all the world, by the reason that they tell."""

from __future__ import annotations

import re

from app.mail.inbound.facts import Reason
from app.mail.inbound.patterns import lower

# The first that matches a text in lower case decides.
BY_WORDS: tuple[tuple[Reason, re.Pattern[str]], ...] = (
    ("SPAM_DETECTED", lower(r"""
    spam classification|(message|mail) content (was )?rejected|(mcspam|spam)signature|mail rejet[eé]
    blacklisted (url|link)|\bs?uribl\b|(url|link) .{0,20}(blacklisted|in message)
""")),
    ("SECURITY_ERROR", lower(r"unauthenticated senders|authrequired|resolver\.rst|sendernotauthenticated")),
    ("POLICY_VIOLATION", lower(r"""
    (for|due to|because of|by) (\w+ )?(polic(y|ies)|security) (reasons?|settings?|restrictions?)
    because its content|potential(ly)? (security|harmful|dangerous)
    (prohibited|forbidden|banned) (file|attachment|extension)
""")),
    ("VIRUS_DETECTED", lower(r"""
    \bvirus(es)?\b|\binfected\b|\bmalware\b|malicious (code|content|file)|\btrojan|\bphish(ing)?\b.{0,30}detect
""")),
    ("MAILBOX_FULL", lower(r"""
    (mail ?box|inbox|account|bo[iî]te|postfach|buz[oó]n|casella|mail folder
        |message store)\W.{0,40}\b(is |are |was )?(currently |now )?(full|over ?quota
        |exceed\w*( its)?( storage)?( limit| quota)?$|pleine?|voll\b|lleno|piena)
    over ?quota|overquota|quota (is |has been |was )?(exceeded|full|used up)|exceed(s|ed|ing)?.{0,40}\bquota\b
    disk quota|out of (storage|disk) (space)?|insufficient (disk|storage|system storage|quota)
    not enough (storage|disk) space|(full|not enough space) (in|on) (mailbox|disk)|mailbox exceeds
    mail ?box .{0,30}too large|storage (limit|quota|allocation)|no space left on
    maildir (delivery )?.{0,20}quota|account is full|\bquota (violation|reached)|user is over
    (recipient|user)('s)? .{0,30}out of space|mail ?box (is )?full|would exceed.{0,30}(mailbox|storage|quota)
    size limit exceeded for mailbox|has reached .{0,30}quota
    (does not|doesn't) have (enough|sufficient) (space|disk)|cota excedida|cuota excedida|speicherplatz
    (空间|容量|邮箱|信箱|郵箱|配额)(已|不)?(满|滿|足)|(容量|空き).{0,10}(超過|超え|不足|制限|ありません)|(メールボックス|受信箱).{0,10}(いっぱい|満杯)
    (ящик|почтов\w+) .{0,20}переполнен|przepełnion|превышена квота
""")),
    ("REQUIRE_PTR", lower(r"""
    \b(ptr|rdns|reverse (dns|lookup|hostname|address|path)|reverse-?dns)\b|cannot find your (hostname|reverse)
    (client|ip|helo).{0,40}(does not|doesn't|not) (have|resolve|reverse)|cannot resolve your (ip|address)
    unresolvable relay|no (valid )?reverse|cannot find your hostname|unable to verify.{0,30}reverse
    hostname .{0,40}not (match|resolve)|ip.{0,20}(name )?not found in dns|ip name lookup failed|forged hostname
    mismatch(es)? (the )?client
""")),
    ("MAILER_ERROR", lower(r"^x-unix;|procmail:")),
    ("FILTERED", lower(r"recipient('s)? (preferences|settings|filter)")),
    ("NOT_COMPLIANT_RFC", lower(r"multiple .{0,20}addresses in from")),
    ("USER_UNKNOWN", lower(r"""
    5\.4\.1 .{0,80}recipient address rejected: access denied|not listed in (the )?(\w+ )?(directory|address book)
""")),
    ("CONTENT_ERROR", lower(r"duplicate (\w+ )?header|headers? too (large|big|long|many)")),
    ("AUTH_FAILURE", lower(r"""
    \b(dmarc|dkim|spf|sender ?id|arc)\b|sender policy framework|domainkeys
    unauthenticated (e-?mail|mail|message)|not authenticated.{0,60}(spf|dkim|domain)
    (pass|passes|failed) (authentication|sender) (checks|verification)
    authentication (checks? )?(failed|requirements?)|email.{0,20}lacks? authentication|lack of authentication
    not have authentication information|required authentication level
""")),
    ("BAD_REPUTATION", lower(r"""
    (low|poor|bad|weak|very low) (\w+ ){0,2}reputation|reputation (\w+ ){0,3}(low|poor|bad|too|score|rating)
    \breputation\b.{0,30}(of|block|reject)|user complaints|unexpected volume|senderscore|sender score
""")),
    ("TOO_MANY_CONN", lower(r"""
    too many (concurrent |simultaneous |open |sender )?(smtp )?(connections?|sessions?)
    connection (rate|frequency)( is)?( limit| limited| too)|(concurrent|simultaneous) connections?
    exceeded .{0,30}connections?|connections? (?!timed ?out).{0,30}(exceeded|limit exceeded)
    max(imum)? (number of )?connections?|ip.{0,20}frequency limited|too many recipients
""")),
    ("SPEEDING", lower(r"""
    too (fast|quickly|frequent\w*)|rate[ -]?limit|throttl|receiving mail (at )?too|sending .{0,30}rate
    limit on the number of|too many (messages|mails|emails|requests|errors)|slow down
    (sending|daily|hourly|message) (limit|quota)|reached a limit for sending
    exceeded .{0,30}(messages?|rate|sending)
""")),
    ("SPAM_DETECTED", lower(r"""
    \bspam(my|ming|assassin|score|ware)?\b(?!haus|cop|\.\w| ?(host|source|block list))|\bjunk (mail|message)
    unsolicited|\bube\b|\buce\b|\bphishing|bulk (e-?)?mail|spam-like|looks? like spam|considered spam
    content.{0,20}spam
    (message|mail|content|e-mail) (was |has been |is )?(rejected|blocked|refused|filtered).{0,40}(spam
        |content filter)
""")),
    ("EXCEED_LIMIT", lower(r"""
    message (length|size)? ?exceeds administrative limit
    exceeds? (the )?(limit|size) (of|for) (the |this )?(recipient|user|mailbox)
    message too large for (this )?(recipient|mailbox)
""")),
    ("MESG_TOO_BIG", lower(r"""
    (message|mail|e-mail|content|header|attachment|file|body)( header| file
        | data)?s?( size)? (is |was |length )?(too (big|large|long)|exceeds?|exceeded|larger than
        |over) ?(the |this |maximum|fixed|max|size|server|allowed|\d|$)?
    (maximum|max) (message |mail )?size (limit )?(exceeded|reached)
    exceeds? (the |our |fixed |maximum |max |server )*(message )?size|size limit
    too (big|large) (message|mail|size)|message is larger than|line (is )?too long for|nachricht .{0,20}zu gro
    trop volumineu
""")),
    ("NO_RELAYING", lower(r"""
    allowed rcpthosts
    relay(ing|ed)?( access| not| is)*( to \S+)? (denied|prohibited|permitted|disallowed|not|forbidden)
    unable to relay|(not|no|does not|cannot) (allowed to |permit(ted)? (to )?)?relay|relay (mail )?(not|access)
    we do not relay|not (a|an open|my) relay|open relay|insecure mail relay|relaying|not .{0,20}gateway for
""")),
    ("HAS_MOVED", lower(r"""
    (has|have) moved|address (has )?changed|(mailbox|user|recipient|account) (has been )?(replaced|moved)
    (new|changed) (e-?mail )?address is|user not local; please try|has been replaced by|no longer (use|check)s?
""")),
    ("REJECTED", lower(r"""
    sender was rejected
    (sender|from|envelope|return-?path|mail from|originator|your (address|domain
        |e-?mail address))\b.{0,60}\b(reject\w*|denied|refused|invalid|unknown|not (allowed|authori[sz]ed
        |permitted|accepted|found|valid|exist|verif\w+)|does not (exist|resolve)|doesn't|unresolvable|blocked
        |bad|illegal|disallowed|must|verif\w+ failed)
    (invalid|bad|unknown|rejected|denied|unaccepted|illegal|non-?existent) (\w+ )?(sender|envelope from
        |return path|from)
    (not|n't) (allowed|permitted|authori[sz]ed|permission)( to)? (send|post|mail|submit|use|write)|valid sender
    (do not|don't|not) accept (e-?mail|mail|messages)? ?from|mail from .{0,40}(reject|refus|denied|not)
    backscatter|(permission|authori[sz]ation) (is )?(required|denied)? ?to (send|post)
    rejected by the (recipient|administrator)|only .{0,30}(members|subscribers|authori[sz]ed).{0,30}(send|post)
    may not have permission|nicht berechtigt|purported responsible|groups\.google\.com/support
""")),
    ("NOT_ACCEPT", lower(r"""
    malformed or unexpected name server reply|indicated no smtp service|null ?mx|nullmx
    (does not|doesn't|do not|don't) (accept|receive) (any )?(e-?mails?|mail|messages)\b(?! (from|by|that|with))
    host/domain does not accept mail|smtp protocol returned a permanent error.{0,20}no mail|no mail service
    not accepting (any )?(mail|messages)\b(?! (from|by|that|with))|mail receiving (is )?disabled
    no (smtp|mail) service here
""")),
    ("NETWORK_ERROR", lower(r"""
    network error|host not found, try again|dns query failed|host name lookup failure|lost connection
""")),
    ("EXPIRED", lower(r"""
    (failed|undeliverable) (after )?\d+ attempts
    connection (timed ?out|refused by)|not accept our requests to connect
    deliver(ed)? for (more than |over |the last )?[\d.]+ (second|minute|hour|day|week)
    connection refused\b.{0,200}deliver(ed)? for
""")),
    ("HOST_UNKNOWN", lower(r"""
    (^|\s)[\w-]+(\.[\w-]+)+ (does not|doesn't) exist
    (host|domain|hostname|server)( name| \S+\.\S+)?( is| was| does| did| could| can)*:? (unknown
        |not (be )?(found|exist|resolve\w*|known|valid|reachable)|invalid|non-?existent|n't exist|illegal)
    (no such|unknown|invalid|non-?existent|bad|illegal|unrouteable|unroutable|unresolvable) (mail )?(host|domain
        |destination domain|mailer|mail domain|address domain)
    domain (\S+ )?(does not|doesn't|didn't) exist|nxdomain|name or service not known
    (can't|cannot|couldn't|could not|unable to) (find|resolve|locate|look ?up)( any| a| the| your)*( mx
        | mail)? ?(host|domain|server|exchanger|route)
    unrouteable (mail )?(address|domain)|host or domain name not found|dns lookup failure
    no (mx|a|dns|mail) (or a |or mx )?(record|host)s?|no route to domain|domain (is )?not reachable
    domain must (exist|resolve)|address does not resolve|host \S+ (not|isn't) found
    all relevant mx records point to non-existent|not a valid domain
    destination server for this recipient could not be found|mail loops back to me.{0,20}mx problem
    domain lookup|couldn't find any host
""")),
    ("SUSPEND", lower(r"""
    (account|mailbox|mail-?box|user|recipient|address|e-?mail)s?\b.{0,40}\b(suspend(ed|ing)?|disabled
        |deactivated|inactive|locked|discontinued|blocked for inactivity|not active|on ?hold|terminated|frozen
        |expired|cancell?ed|unavailable or disabled)
    (suspended|disabled|inactive|deactivated|locked|expired) (\w+ )?(account|mailbox|user|recipient|address
        |domain)
    not been logged into|invalid/inactive|is not active|account.{0,20}closed|dormant
""")),
    ("USER_UNKNOWN", lower(r"""
    (user|recipient|mailbox|mail box|address(ee)?|account|e-?mail address|alias|local ?part|person|subscriber
        |member|destinataire|empf\w+nger|destinatari[oa]|customer|inbox)s?'?( address(es)?| account| name| here
        | \S+@\S+| <\S+>)?( is| was| has been| are| does| do| did| specified| you| could| can| cannot| can't
        | couldn't)*:?,? (unknown|not (be )?(known|found|exists?|listed|valid|recognized|recogni[sz]ed|defined
        |here|locate)|(not |n't )+exists?|doesn't exist|does not exist|non-?existent|invalid|undefined
        |unrecognized|wasn't found|not a valid|no longer (exists?|on|with|valid|available|active)|not our
        |not have|inconnue?|unbekannt|desconocid[oa]|sconosciut[oa]|onbekend|nieznany)
    recipient (address )?rejected\W*($|\(in reply)
    (no such|unknown|invalid|non-?existe?a?nt|bad|nonexistent|undeliverable|unrouteable|illegal|incorrect
        |unrecogni[sz]ed|not a valid|not a known|undefined) (\w+ )?(local )?(users?|mailbox|mail box|recipients?
        |account|address(ee)?|person|part|destination|customer|subscriber|alias|e-?mail|login|local-part)
    no (mailbox|account|user|recipient|one) (here|by|with|found|named|of that|is|for|exists|matching|at)
    (does not|doesn't|did not|not|n't) exist|(does not|doesn't) have an? (\S+ )?account|user doesn
    not (a|my) user|unknown (or illegal )?(alias|local|to)|address (was |could )not (be )?found
    (couldn't|can't|cannot|could not) (be )?f(i|ou)nd.{0,30}(user|address|recipient|mailbox)
    address couldn't be found|recipientnotfound|adr\.(ex)?(recip)?not?found|resolver\.adr|addr(ess)?_?unknown
    user_unknown|user not exist|no local mailbox|unknown to (address|system)|not a registered|who does not exist
    no such address|this (address|user) (no longer|is not)|not in (the )?(directory|address book|database)
    not known (at|here|to)|has no (mailbox|account)|isn't a valid|\bunknown user\b
    account that you tried to reach|nosuchuser|delivery to the following recipients? failed permanently
    address you sent your message to wasn't found|not a (valid|known|current) (mailbox|user|recipient)
    invalid/unknown|no valid (recipients?|user|mailbox)|user is unknown|is not (one of our|a valid)
    recipient .{0,40}(non-?existent|does not)|unzustellbar an unbekannt|utilisateur inconnu|adresse inconnue
    見つかりません|存在しません|宛先不明|不存在|не (существует|найден)|n'existe pas|existiert nicht|no existe|non esiste
    bestaat niet|n[aã]o existe|nie istnieje|nicht gefunden|keine mailbox|unknown local|unknown address
    recipient is not recognized
""")),
    ("BLOCKED", lower(r"""
    (use|through) (the |your )?(smtp|mail|outgoing)( mail)? server of your
    (block|black|deny)-?(list|ed|ing)?\b|\b[dr]n?s?bl\b|\brbl\b|spamhaus|spamcop|spam(ming)? (host|source)
    barracuda|sorbs|surbl|banned|access denied
    (ip|host|client|server|network|connection)\b.{0,50}\b(blocked|rejected|denied|refused|listed|not (allowed
        |permitted|accept\w*))
    blocked using|blocked by|blocked for
    (refused|rejected|denied).{0,40}(your|the|client|from) (ip|host|server|network|address|connection)|dynamic
    dial-?up|residential|not allowed to connect|closing transmission channel|connection (was )?refused by
    refused to talk|go away|your (ip|server|host|network|mail server)|service (not available|unavailable)
    (part of|on) (a|our|their) (network|block|list)|no(t|n)? smtp service
    \bnot accept.{0,20}from (this|your) (ip|host)|e-?mail is redundant|helo|ehlo
    mail server .{0,20}(rejected|blocked)|\b(domain|sender) (is |was )?blocked
""")),
    ("SECURITY_ERROR", lower(r"""
    (authentication|auth|authoriz\w+) (is |was )?(required|failed|turned on|credentials)|authrequired
    must authenticate|security (policy|violation|reasons?|problem)|(delivery )?(not authori[sz]ed|restricted)
    encrypt\w* (required|failed|needed)|insecure|verification (failure|failed)|suspicious|insufficient security
    bad (authentication|password)
""")),
    ("CONTENT_ERROR", lower(r"""
    (header|mime|encoding|charset|line|attachment|content|character|subject|body
        |format)s?\b.{0,40}\b(not (allowed|permitted|supported|acceptable)|malformed|invalid|error|duplicate
        |illegal|forbidden|bare|missing|improper|rejected|denied|syntax)
    (duplicate|malformed|invalid|missing|improper|illegal|bad|too many) (\w+ ){0,2}(header|mime|content|encoding
        |subject|date|from)
    bare (lf|cr)|8-?bit|content rejected|not rfc ?2045|message format|prohibited (file|attachment)
""")),
    ("NOT_COMPLIANT_RFC", lower(r"""
    rfc ?-?\d{3,4}|not (rfc )?compliant|rfc complian|violat\w+ rfc|multiple (from|to) headers
""")),
    ("POLICY_VIOLATION", lower(r"""
    polic(y|ies)|\bprohibited\b|administrative(ly)? (prohib\w+|den\w+|reject\w+|lock\w+)
    not (allowed|acceptable|accepted)|violat|restricted|forbidden|disallowed|local rule|rule set|legal
    unacceptable|content filter|compliance|rejected (by|for|due)|against our|message (was )?(refused|rejected)
""")),
    ("NETWORK_ERROR", lower(r"""
    could not connect|unable to connect
    connect(ion)? (to \S+ )?(failed|lost|error|was dropped|closed|dropped|interrupted)|lost connection
    no route to host|network is unreachable
    (dns|mx) (query|lookup|resolution|server|error).{0,30}(fail|error|problem)|too many hops|hop count exceeded
    (mail|routing|delivery) loop|loop(s|ing)? (detected|back)|host not found, try again|name service error
    host (name )?lookup (failed|did not)|name server timeout
    tls (is )?(required|handshake|negotiation|connection)|starttls|couldn't connect|can't connect|cannot connect
    exceeded the hop|message (is )?looping|host is (unreachable|down)|unable to (contact|reach) .{0,20}server
    unreachable|server unavailable|dns (error|failure)|(mx|dns) (lookup|record).{0,30}(fail|tempor)
    no mx (or|found)|bad name server|name resolution
""")),
    ("EXPIRED", lower(r"""
    (retry|retries|delivery|queue|message|time)\W? ?(timeout|time ?out|time|period
        |limit)? (has )?(been )?(exceeded|expired)
    (message|envelope|mail|delivery|queue) (time )?(has |was )?expired|(too long|been) (in|on) (the )?queue
    could not be (sent|delivered) for (more than |over |the last )?[\d.]+ ?(day|hour|minute|second|week)
    (for|after|within|over|in|more than|until it is|last) (more than )?[\d.]+ ?\(?(day|hour|minute
        |week)s?\b.{0,40}(retr|gave up|undeliver|queue|deliver|return|old)
    (deliver|retr|not been).{0,60}(for|after|within) (more than |over |the last )?[\d.]+ ?(day|hour|minute|week)
    i'm not going to try again; this message has been|timed? ?out|timeout|connection refused
    not accept our requests to connect|message delayed|delivery (has been |was )?delayed|still being retried
    temporary problem delivering|will (be )?(re-?tr(y|ied)|kept trying)|not yet been delivered
    warning message only|unable to deliver this message after|connection reset|undelivered for|deadline
""")),
    ("MAILER_ERROR", lower(r"""
    (mailer|program|command|process|pipe|procmail|script|vacation|child|lmtp|exit)\b.{0,40}\b(error|exit\w*
        |status|fail\w*|died|signal|return\w*|crash)
    x-unix;|exit (code|status)|mail system configuration|pipe to \||internal software error|temporary failure$
    (local|service) (delivery|configuration) (error|agent)|\bmailer error|local delivery failed
""")),
    ("FILTERED", lower(r"""
    (rejected|refused|blocked|filtered|denied|not accepted) by (the )?(recipient|user|addressee|filter|mailbox)
    filter(ed|s)?\b|(refus|reject|not accept|does not want)\w*.{0,40}(recipient|user)|user reject
    destin\w+ refus|recipient refused|requested (mail )?action (not taken|aborted).{0,20}mailbox unavailable
    mailbox (is )?unavailable|transaction failed
""")),
    ("SYSTEM_ERROR", lower(r"""
    (system|internal|server|resource|configuration|local|software|database|service|disk|i/o|processing
        |queue file write)\b.{0,30}\b(error|failure|problem|unavailable|busy|overload\w*|misconfig\w*|failed
        |trouble|malfunction)
    try again later|temporar(y|ily)|not (currently )?available|out of memory|can't create
    cannot (open|write|create|append)|unable to (open|create|process|complete)|timeout waiting|maintenance
    resources? temporarily|aliasing/forwarding loop|cname lookup failed|misconfigur|this is a .{0,20}error
    interrupted system call|not able to accept|system not
""")),
    ("SYNTAX_ERROR", lower(r"""
    syntax|bad (sequence|command|parameter)|command (not|un)|unrecogni[sz]ed command|protocol error
    unexpected command|improper command|invalid (command|argument)|not implemented|nested mail
""")),
)  # fmt: skip
# Of RFC 3463 and of those who added to it, where the words say nothing; and those that leave no room for words.
BY_STATUS: dict[str, Reason] = {
    **dict.fromkeys(("1.1", "1.3", "1.4", "1.10", "1.11"), "USER_UNKNOWN"),
    **dict.fromkeys(("1.2", "4.4", "1.12"), "HOST_UNKNOWN"),
    **dict.fromkeys(("1.6", "1.9"), "HAS_MOVED"),
    **dict.fromkeys(("1.0", "1.7", "1.8", "7.27"), "REJECTED"),
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

DECISIVE: dict[str, Reason] = {
    **{"1.6": "HAS_MOVED", "1.7": "REJECTED", "1.8": "REJECTED", "2.3": "EXCEED_LIMIT", "7.25": "REQUIRE_PTR"},
    **{"7.26": "AUTH_FAILURE", "4.312": "NETWORK_ERROR", "7.606": "BLOCKED"},
}
