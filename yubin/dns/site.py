"""From the set of MX hosts to the site (the unit of limits) and the provider (a bounded label for metrics).

Where every host belongs to one provider of the table, the site is the provider. Hosts that share a registrable name
are one site under that name, so that the customers of a mail house share its limits; hosts that share none are known
by the first of them and a digest of all. One foreign host among a provider's makes another site: its replies must not
tell us how to treat the provider. The order of the hosts never matters.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

OTHER = "other"

PROVIDERS: dict[str, str] = {  # suffix of an MX host: provider
    "google.com": "google",
    "googlemail.com": "google",
    "protection.outlook.com": "microsoft",
    "mx.microsoft": "microsoft",
    "hotmail.com": "microsoft",
    "yahoodns.net": "yahoo",
    "mail.yahoo.co.jp": "yahoo-japan",
    "icloud.com": "apple",
    "apple.com": "apple",
    "docomo.ne.jp": "docomo",
    "spmode.ne.jp": "docomo",
    "ezweb.ne.jp": "au",
    "au.com": "au",
    "auone-net.jp": "au",
    "dion.ne.jp": "au",
    "softbank.ne.jp": "softbank",
    "softbank.jp": "softbank",
    "vodafone.ne.jp": "softbank",
    "ymobile.ne.jp": "softbank",
    "rakuten.co.jp": "rakuten",
    "rakuten.jp": "rakuten",
    "rakuten.ne.jp": "rakuten",
    "rakumail.jp": "rakuten",
    "ocn.ad.jp": "ocn",
    "ocn.ne.jp": "ocn",
    "nifty.com": "nifty",
    "biglobe.ne.jp": "biglobe",
    "so-net.ne.jp": "so-net",
    "sakura.ne.jp": "sakura",
    "xserver.jp": "xserver",
    "lolipop.jp": "lolipop",
    "amazonaws.com": "amazon",
    "awsapps.com": "amazon",
    "pphosted.com": "proofpoint",
    "ppe-hosted.com": "proofpoint",
    "mimecast.com": "mimecast",
    "iphmx.com": "cisco",
    "messagelabs.com": "symantec",
    "barracudanetworks.com": "barracuda",
    "mx.cloudflare.net": "cloudflare",
    "messagingengine.com": "fastmail",
    "zoho.com": "zoho",
    "zohomail.com": "zoho",
    "protonmail.ch": "proton",
    "yandex.net": "yandex",
    "yandex.ru": "yandex",
    "mail.ru": "mailru",
    "qq.com": "tencent",
    "163.com": "netease",
    "naver.com": "naver",
    "gmx.net": "gmx",
    "kundenserver.de": "ionos",
    "ovh.net": "ovh",
    "secureserver.net": "godaddy",
}

# There is no public suffix list here. What follows errs towards sites that are too small, never too large.
# fmt: off
SECOND_LEVELS = frozenset({  # below these, two-letter top levels register
    "ac", "ad", "asso", "co", "com", "ed", "edu", "gen", "go", "gob", "gouv", "gov", "gr", "idv", "info",
    "lg", "mil", "ne", "net", "nom", "or", "org", "res", "sch",
})
PREFECTURES = frozenset({  # below these, jp registers
    "aichi", "akita", "aomori", "chiba", "ehime", "fukui", "fukuoka", "fukushima", "gifu", "gunma",
    "hiroshima", "hokkaido", "hyogo", "ibaraki", "ishikawa", "iwate", "kagawa", "kagoshima", "kanagawa",
    "kochi", "kumamoto", "kyoto", "mie", "miyagi", "miyazaki", "nagano", "nagasaki", "nara", "niigata",
    "oita", "okayama", "okinawa", "osaka", "saga", "saitama", "shiga", "shimane", "shizuoka", "tochigi",
    "tokushima", "tokyo", "tottori", "toyama", "wakayama", "yamagata", "yamaguchi", "yamanashi",
})
RENTED = frozenset({  # houses that rent names out to anybody: each host below them is a site of its own
    "amazonaws.com", "cloudapp.net", "azure.com", "azurewebsites.net", "googleusercontent.com",
    "dyndns.org", "no-ip.org", "no-ip.com", "ddns.net", "duckdns.org", "hopto.org", "zapto.org", "mydns.jp",
    "dip.jp", "ddo.jp", "linode.com", "linodeusercontent.com", "vultrusercontent.com", "your-server.de",
    "contaboserver.net", "ip.secureserver.net", "fly.dev", "herokuapp.com",
})
# fmt: on


def provider_of(host: str) -> str:
    labels = host.lower().rstrip(".").split(".")
    for start in range(len(labels) - 1):
        if (found := PROVIDERS.get(".".join(labels[start:]))) is not None:
            return found
    return OTHER


def rented(host: str) -> bool:
    labels = host.split(".")
    return any(".".join(labels[start:]) in RENTED for start in range(1, len(labels)))


def registrable(host: str) -> str:
    """What looks like the name that somebody registered: two labels, or three below ``co.jp`` and its like."""
    if rented(host):
        return host
    labels = host.split(".")
    if len(labels) == 1:
        return f"{host}."  # a top level that takes mail must not be taken for a provider's name
    second, top = labels[-2:]
    deep = len(top) == 2 and (second in SECOND_LEVELS or (top == "jp" and second in PREFECTURES))
    return ".".join(labels[-3:] if deep else labels[-2:])


def place(hosts: Iterable[str]) -> tuple[str, str]:
    """(site, provider) of a set of host names, which must not be empty."""
    names = sorted({host.lower().rstrip(".") for host in hosts})
    providers = {provider_of(name) for name in names}
    provider = providers.pop() if len(providers) == 1 else OTHER
    if provider != OTHER and not any(map(rented, names)):
        return provider, provider
    shared = {registrable(name) for name in names}
    if len(shared) == 1:
        return shared.pop(), provider
    digest = hashlib.sha256(" ".join(names).encode()).hexdigest()[:8]
    return f"{names[0]}+{digest}", provider
