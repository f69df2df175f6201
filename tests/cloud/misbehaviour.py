"""What goes wrong on request. A rule says what, where, and how often; README.md has the list."""

from .answers import Refused

# Of any request, by its method and target ("POST /compute/v1/..."): carried out by the server.
OF_REQUESTS = {
    "answer": "this status, not carried out (`after`: carried out first); also `reason`, `message`, `retry_after`",
    "lost": "carried out, and the connection ends without an answer",
    "cut_request": "half of the request's body is read, then the connection ends",
    "cut_answer": "half of the answer's body",
    "hang": "half of the body is read, and then nothing more is said",
    "slow": "`seconds` pass before it is carried out",
    "hold": "it is carried out when all that is held is released",
    "page": "502 with a page of HTML, as of a proxy",
}
# Of one service, by what it is about ("europe-west1-b/name", "dataset.table").
OF_SERVICES = {
    "one_write_a_second": "of an object: sooner is 429",
    "stock_out": "the operation of an insert ends with ZONE_RESOURCE_POOL_EXHAUSTED, or `code`",
    "quota": "with QUOTA_EXCEEDED, `metric`",
    "stuck": "the operation never ends, and the VM stays as it is",
    "stuck_delete": "the same of a delete",
    "forget_request_ids": "a requestId that was used before is not known",
    "stale_list": "lists are as they were `age_s` ago",
    "partial_list": "the zone cannot be asked: aggregated lists lack it",
    "late_job": "a job ends `seconds` later",
    "fail_job": "a job ends with `reason` and `message`, and changes nothing",
    "refuse_entries": "entries whose text holds `where` are refused with INVALID_ARGUMENT",
    "no_metadata": "the metadata server does not answer yet (`seconds`: of those since the VM runs)",
    "no_account": "the VM has no service account",
    "full_disk": "a VM that boots has room for `kb` on its disk (64)",
}
KINDS = {**OF_REQUESTS, **OF_SERVICES}


class Misbehaviour:
    """Under the cloud's lock."""

    def __init__(self):
        self.rules = []
        self.held = []  # rules, each of a request that waits

    def add(self, rule):
        if rule.get("kind") not in KINDS:
            raise Refused(400, f"no misbehaviour is called {rule.get('kind')}; there are {', '.join(KINDS)}")
        self.rules.append({"where": "", "count": 1, **rule})

    def forget(self):
        self.rules.clear()
        self.release()

    def release(self):
        self.held.clear()

    def take(self, kinds, subject):
        """The first rule for it, which then has one time less; None. `count`: -1 is for ever. `skip`: so many go by before."""
        for rule in self.rules:
            if rule["kind"] in kinds and rule["where"] in subject:
                if rule.get("skip", 0) > 0:
                    rule["skip"] -= 1
                    continue
                rule["count"] -= 1
                if rule["count"] == 0:
                    self.rules.remove(rule)
                return rule
        return None

    def of_request(self, line):
        return self.take(OF_REQUESTS, line)
