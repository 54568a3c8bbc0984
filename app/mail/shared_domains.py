"""Domains whose addresses belong to strangers: providers of mailboxes for everybody."""

from app.mail.repairs import PROVIDERS

# Beside those that mistyped addresses are compared with.
SHARED_DOMAINS = frozenset(PROVIDERS) | {
    *("aim.com", "alice.it", "aol.com", "arcor.de", "att.net", "bellsouth.net", "blueyonder.co.uk", "bluewin.ch"),
    *("bol.com.br", "btinternet.com", "charter.net", "cox.net", "daum.net", "duck.com", "earthlink.net", "email.com"),
    *("email.cz", "fastmail.com", "fastmail.fm", "free.fr", "gmx.at", "gmx.ch", "gmx.com", "gmx.de", "gmx.net"),
    *("hey.com", "home.nl", "hotmail.com.br", "hushmail.com", "hotmail.nl", "inbox.lv", "inbox.ru", "interia.pl"),
    *(
        "juno.com",
        "kpnmail.nl",
        "list.ru",
        "live.co.uk",
        "live.de",
        "live.fr",
        "live.it",
        "live.nl",
        "mac.com",
        "mail.com",
    ),
    *("mail.de", "mail.ru", "mailbox.org", "me.com", "neuf.fr", "ntlworld.com", "o2.pl", "online.de", "onet.pl"),
    *("optonline.net", "outlook.com.br", "outlook.es", "outlook.fr", "outlook.it", "pm.me", "posteo.de", "proton.me"),
    *("protonmail.ch", "qq.com", "163.com", "126.com", "sina.com", "rocketmail.com", "sbcglobal.net", "sfr.fr"),
    *("shaw.ca", "sky.com", "skynet.be", "telenet.be", "terra.com.br", "tiscali.it", "tuta.com", "tutanota.com"),
    *("uol.com.br", "virgilio.it", "virginmedia.com", "web.de", "wp.pl", "xs4all.nl", "ya.ru", "yahoo.ca"),
    *("yahoo.co.in", "yahoo.co.jp", "yahoo.com.ar", "yahoo.com.au", "yahoo.com.br", "yahoo.com.mx", "yandex.com"),
    *("ymail.com", "ziggo.nl", "zoho.com", "zohomail.com"),
}
