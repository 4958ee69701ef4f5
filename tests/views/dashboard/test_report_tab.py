"""The tab's pages, as the server gives them."""

import base64
import hashlib
import re

from tensorboard.plugins.base_plugin import TBContext
from werkzeug.test import Client

from cnnlab.views.dashboard.report_tab import ReportTab

PAGE = "<html><script>\nlet a = 1;\n</script><script>b()</script></html>"


def test_the_page_is_made_when_it_is_asked_for_and_may_run_its_own_scripts_alone():
    made = []
    plugin = ReportTab(lambda: made.append(1) or (PAGE, False)).load(TBContext())
    assert not made and plugin.is_active()
    answer = Client(plugin.get_plugin_apps()["/page"]).get("/page")
    assert answer.text == PAGE and made == [1] and "Refresh" not in answer.headers
    allowed = re.findall("'sha256-([^']+)'", answer.headers["Content-Security-Policy"])
    scripts = ("\nlet a = 1;\n", "b()")
    assert allowed == [base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in scripts]


def test_the_tabs_entry_is_a_module_that_leads_to_the_page():
    plugin = ReportTab(lambda: (PAGE, True)).load(TBContext())
    path = plugin.frontend_metadata().es_module_path
    answer = Client(plugin.get_plugin_apps()[path]).get(path)
    assert answer.mimetype == "application/javascript" and "export function render()" in answer.text
    assert '"ignoreOutliers": false' in answer.text and "/page" in plugin.get_plugin_apps()


def test_a_page_on_runs_that_go_on_is_made_anew_by_itself():
    plugin = ReportTab(lambda: (PAGE, True)).load(TBContext())
    assert Client(plugin.get_plugin_apps()["/page"]).get("/page").headers["Refresh"] == "30"
