"""QGIS's proxy settings, as other programs understand them."""

from __future__ import annotations

from urllib.parse import quote

from qgis.core import QgsSettings


def proxy_environment() -> dict[str, str]:
    """Environment variables for the proxy that is set in QGIS; none where QGIS uses the system's.

    They may hold a password: they are for child processes and never for a log. A proxy whose password lies in
    QGIS's authentication database is named without it.
    """
    settings = QgsSettings()
    if not settings.value("proxy/proxyEnabled", False, type=bool):
        return {}
    kind = str(settings.value("proxy/proxyType", "") or "")
    host = str(settings.value("proxy/proxyHost", "") or "").strip()
    if not host or kind in {"", "DefaultProxy"}:
        return {}
    scheme = "socks5h" if kind == "Socks5Proxy" else "http"
    user = str(settings.value("proxy/proxyUser", "") or "")
    password = str(settings.value("proxy/proxyPassword", "") or "")
    login = f"{quote(user, safe='')}:{quote(password, safe='')}@" if user else ""
    port = str(settings.value("proxy/proxyPort", "") or "").strip()
    address = f"{scheme}://{login}{host}{':' + port if port else ''}"
    found = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), address)
    spared = _spared(settings)
    if spared:
        found.update(NO_PROXY=spared, no_proxy=spared)
    return found


def _spared(settings: QgsSettings) -> str:
    """The hosts that QGIS reaches without the proxy, with commas between them."""
    urls = settings.value("proxy/noProxyUrls", []) or []
    hosts = []
    for url in [urls] if isinstance(urls, str) else urls:
        host = str(url).split("://")[-1].split("/")[0].split("@")[-1].split(":")[0]
        if host:
            hosts.append(host)
    return ",".join(dict.fromkeys(hosts))
