"""Where VMs can be. Of each region three zones are enough; the names are the real ones."""


class Zone:
    def __init__(self, project, name):
        self.name, self.region = name, name.rsplit("-", 1)[0]
        self.link = f"projects/{project}/zones/{name}"


def zones_of(project):
    names = [f"{region}-{letter}" for region, letters in (("europe-west1", "bcd"), ("europe-north1", "abc"), ("us-central1", "abc"))
             for letter in letters]
    return {name: Zone(project, name) for name in names}


# compute/docs/reference/rest/v1/regions: of the metrics those that VMs here use up.
LIMITS = {"CPUS": 72, "PREEMPTIBLE_CPUS": 72, "INSTANCES": 100, "DISKS_TOTAL_GB": 4096, "SSD_TOTAL_GB": 2048}
