"""What VMs go through, on request and by themselves (compute/docs/instances/instance-lifecycle). Which operation tells of what is
from reports of `gcloud compute operations list`: `compute.instances.preempted`, `.hostError`, `.automaticRestart`,
`.guestTerminate`, `.terminateOnHostMaintenance`, and `.deferredStop` and `.deferredDelete` at the end of a time limit."""

from .answers import Refused

SYSTEM = "system"


class Lives:
    """All under the lock. `pace_s`: how long a step of an operation takes; `soft_off_s`: between telling a guest and its end, of
    standard VMs and of Spot VMs (compute/docs/instances/spot#preemption-process)."""

    def __init__(self, compute):
        self.compute, self.world = compute, compute.world
        self.pace_s, self.boot_s, self.soft_off_s = 0.05, 0.0, (120, 30)

    @property
    def clock(self):
        return self.world.clock

    @property
    def operations(self):
        return self.compute.operations

    def take(self, kind, vm):
        return self.world.misbehaviour.take({kind}, f"{vm.zone.name}/{vm.name}")

    # From nothing to RUNNING.

    def create(self, vm, operation):
        vm.arrival = operation
        self.compute.put(vm)
        if self.take("stuck", vm):
            return
        self.step(vm, lambda: self.provision(vm, operation))

    def provision(self, vm, operation):
        code, words = self.obstacle(vm)
        if code:
            vm.turn += 1
            self.compute.remove(vm, with_disks=True)
            operation.finish(self.clock.now(), code, **words)
            return
        vm.status = "STAGING"
        self.step(vm, lambda: self.run(vm, operation), self.pace_s + self.boot_s)

    def obstacle(self, vm):
        rule = self.take("stock_out", vm)
        if rule:
            return rule.get("code", "ZONE_RESOURCE_POOL_EXHAUSTED"), {}
        rule = self.take("quota", vm)
        metric = rule.get("metric", "CPUS") if rule else self.compute.exceeded(vm.zone.region)
        if metric:
            return "QUOTA_EXCEEDED", {"metric": metric, "limit": float(self.compute.limit(vm.zone.region, metric))}
        return None, {}

    def run(self, vm, operation):
        vm.turn += 1
        now = self.clock.now()
        vm.status, vm.started, vm.is_preempted = "RUNNING", now, False
        vm.termination = now + vm.limit_s if vm.limit_s else vm.end
        if vm.termination:
            turn = vm.turn
            self.clock.after(vm.termination - now, lambda: vm.turn == turn and self.limit(vm))
        operation.finish(now)
        self.compute.note()
        vm.machine.boot()

    def step(self, vm, deed, seconds=None):
        turn = vm.turn
        self.clock.after(self.pace_s if seconds is None else seconds, lambda: vm.turn == turn and deed())
        self.compute.note()

    # And back.

    def leave(self, vm, operation, end, is_soft=True):
        """STOPPING, the guest is told, and then `end`. The time limit is void (limit-vm-runtime)."""
        was_running = vm.status == "RUNNING"
        vm.turn += 1
        turn = vm.turn
        vm.status, vm.termination = "STOPPING", None
        vm.pending.append(operation)
        if vm.arrival and vm.arrival.status != "DONE":  # it did not run yet
            vm.arrival.finish(self.clock.now(), "CONFLICT")

        def ended():
            if vm.turn != turn:
                return
            vm.turn += 1
            vm.machine.off()
            end()
            for one in vm.pending:
                one.finish(self.clock.now())
            vm.pending.clear()
            self.compute.note()

        if was_running and is_soft and vm.machine.is_on:
            vm.machine.soft_off(lambda: self.clock.after(0, ended))
            self.clock.after(self.soft_off_s[vm.is_spot()], ended)
        else:
            self.clock.after(self.pace_s, ended)
        self.compute.note()

    def terminated(self, vm):
        vm.status, vm.stopped = "TERMINATED", self.clock.now()

    def stop(self, vm, operation):
        if vm.status == "TERMINATED":
            operation.finish(self.clock.now())
            return
        self.leave(vm, operation, lambda: self.terminated(vm))

    def delete(self, vm, operation):
        if self.take("stuck_delete", vm):
            vm.turn += 1
            vm.status, vm.termination = "STOPPING", None
            self.compute.note()
            return
        self.leave(vm, operation, lambda: self.compute.remove(vm))

    def start(self, vm, operation):
        if vm.status == "RUNNING":
            operation.finish(self.clock.now())
            return
        if vm.status != "TERMINATED":
            raise Refused(400, f"The resource '{vm.link}' is not ready", "resourceNotReady")
        if vm.end and vm.end <= self.clock.now():
            operation.finish(self.clock.now(), "The time limit of the VM has passed.")
            return
        self.arrive(vm, operation)

    def arrive(self, vm, operation):
        """What was there already runs again."""
        vm.turn += 1
        vm.status, vm.arrival = "STAGING", operation
        self.step(vm, lambda: self.run(vm, operation), self.pace_s + self.boot_s)

    def reset(self, vm, operation):
        """The power is cut and comes back; the state does not change, and the time limit goes on."""
        self.reboot(vm)
        operation.finish(self.clock.now())

    # What nobody asked for.

    def limit(self, vm):
        """The time limit of the VM: its action is carried out by the cloud."""
        self.by_action(vm, {"DELETE": "compute.instances.deferredDelete", "STOP": "compute.instances.deferredStop"})

    def preempt(self, vm):
        if not vm.is_spot():
            raise Refused(400, "only Spot VMs are preempted")
        vm.is_preempted = True
        self.by_action(vm, {"DELETE": "compute.instances.preempted", "STOP": "compute.instances.preempted"})

    def by_action(self, vm, kinds):
        action = vm.scheduling.get("instanceTerminationAction", "STOP")
        operation = self.operations.begin(kinds[action], vm, vm.zone, SYSTEM)
        self.leave(vm, operation, (lambda: self.compute.remove(vm)) if action == "DELETE" else (lambda: self.terminated(vm)))

    def host_error(self, vm):
        vm.machine.off()
        self.operations.at_once("compute.instances.hostError", vm, vm.zone)
        self.again_or_never(vm)

    def maintain(self, vm):
        """simulateMaintenanceEvent."""
        if vm.is_spot():
            self.preempt(vm)
        elif vm.scheduling["onHostMaintenance"] == "TERMINATE":
            vm.machine.off()
            self.operations.at_once("compute.instances.terminateOnHostMaintenance", vm, vm.zone)
            self.again_or_never(vm)
        else:
            self.operations.at_once("compute.instances.migrateOnHostMaintenance", vm, vm.zone)

    def again_or_never(self, vm):
        """automaticRestart, which is true where nobody said otherwise: the program of the VM begins anew."""
        vm.turn += 1
        vm.termination = None
        if not vm.scheduling["automaticRestart"]:
            self.terminated(vm)
            self.compute.note()
            return
        self.arrive(vm, self.operations.begin("compute.instances.automaticRestart", vm, vm.zone, SYSTEM))

    def guest_ended(self, vm):
        """The guest has powered itself off: nothing is deleted, and the time limit is void."""
        if vm.status != "RUNNING":
            return
        operation = self.operations.begin("compute.instances.guestTerminate", vm, vm.zone, SYSTEM)
        self.leave(vm, operation, lambda: self.terminated(vm), is_soft=False)

    def reboot(self, vm):
        """By the guest, or by reset: cloud-init is carried out again."""
        if vm.status != "RUNNING":
            raise Refused(400, f"The resource '{vm.link}' is not ready", "resourceNotReady")
        vm.machine.off()
        vm.machine.boot()
