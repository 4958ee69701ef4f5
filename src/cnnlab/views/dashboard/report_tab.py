"""The report as TensorBoard's first tab, made anew from the run folders whenever it is opened."""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from tensorboard.backend import http_util
from tensorboard.plugins import base_plugin
from werkzeug.wrappers import Request, Response

NAME = "report"
# In the tab's frame: the page, and what an address cannot say, kept by the browser for this address alone.
ENTRY = """
const KEY = "_tb_global_settings", SETTINGS = %s;
export function render() {
  const before = JSON.parse(localStorage.getItem(KEY) || "{}");
  localStorage.setItem(KEY, JSON.stringify({...SETTINGS, ...before}));
  if (!localStorage.getItem("_ignoreYOutliers")) localStorage.setItem("_ignoreYOutliers", "false");
  document.body.textContent = "Making the report of these runs. It takes some seconds.";
  location.replace("page");
}
"""
# No run's worst values are cut off, nothing is smoothed, names of runs and charts have room, the page follows runs that
# go on, and pins of one sweep do not come up on the next.
SETTINGS = {
    **{"ignoreOutliers": False, "scalarSmoothing": 0, "stepSelectorEnabled": False, "savingPinsEnabled": False},
    **{"timeSeriesSettingsPaneOpened": False, "sideBarWidthInPercent": 25},
    **{"autoReload": True, "autoReloadPeriodInMs": 30_000},
}
_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


Page = Callable[[], tuple[str, bool]]  # makes the HTML; whether it will change, since runs go on
REFRESH_S = 30


class ReportTab(base_plugin.TBLoader):
    def __init__(self, page: Page):
        self.page = page

    def load(self, context: base_plugin.TBContext) -> base_plugin.TBPlugin:
        return _Plugin(self.page)


class _Plugin(base_plugin.TBPlugin):
    plugin_name = NAME

    def __init__(self, page: Page):
        self.page = page

    def is_active(self) -> bool:
        return True

    def frontend_metadata(self) -> base_plugin.FrontendMetadata:
        return base_plugin.FrontendMetadata(es_module_path="/entry.js", tab_name="Report", disable_reload=True)

    def get_plugin_apps(self) -> Mapping[str, Any]:
        return {"/entry.js": Request.application(_entry), "/page": Request.application(self._page)}

    def _page(self, request: Request) -> Response:
        page, goes_on = self.page()
        headers = [("Refresh", str(REFRESH_S))] if goes_on else []
        # TensorBoard's pages may run no script but those whose hash the server names.
        hashes = [base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in _SCRIPT.findall(page)]
        return http_util.Respond(request, page, "text/html", csp_scripts_sha256s=hashes, headers=headers)


def _entry(request: Request) -> Response:
    return http_util.Respond(request, ENTRY % json.dumps(SETTINGS), "application/javascript")
