"""Who may do what. Everybody may do everything that was not taken from them: `/_control/denied`. A method of a service says by
`needs` which permission it asks for (iam/docs/permissions-reference)."""

from . import shape
from .answers import Refused
from .routes import Service, route


class Permissions(Service):
    def __init__(self, world):
        self.world = world
        self.denied = set()  # (email, permission)
        self.absent = set()  # service accounts that do not exist; all others do

    def deny(self, email, permission):
        self.denied.add((email, permission))

    def forget(self):
        self.denied.clear()

    def held(self, email, asked):
        return [one for one in asked if (email, one) not in self.denied]

    def check(self, email, permission):
        if (email, permission) in self.denied:
            raise Refused(403, f"{email} does not have {permission} access. Permission '{permission}' denied on resource (or it may not "
                          "exist).", "forbidden")

    # resource-manager/reference/rest/v1/projects/testIamPermissions: those that are held, of those that were asked for.
    @route("POST", "/v1/projects/{project}:testIamPermissions", body={"permissions": [shape.text]})
    def test(self, request, project):
        if project != self.world.project:
            raise Refused(403, f"The caller does not have permission on {project}")
        return self.answer(request)

    # iam/docs/reference/rest/v1/projects.serviceAccounts/testIamPermissions
    @route("POST", "/v1/projects/-/serviceAccounts/{email}:testIamPermissions", body={"permissions": [shape.text]})
    def test_of_account(self, request, email):
        if email in self.absent:
            raise Refused(404, f"Unknown service account {email}")
        if any(not one.startswith("iam.serviceAccounts.") for one in request.data.get("permissions", [])):
            raise Refused(400, "A permission is not valid for this resource.")
        return self.answer(request)

    def answer(self, request):
        asked = request.data.get("permissions", [])
        for one in asked:
            if one.count(".") != 2 or one.endswith("*"):
                raise Refused(400, f"Permission {one} is not valid for this resource.")
        held = self.held(request.principal.email, asked)
        return {"permissions": held} if held else {}
