"""Every check there is, in the order they are shown. A new family is named here, and nowhere else."""

from kdx.rollout.probe.check import Check
from kdx.rollout.probe.checks import clock, disk, files, network, samba, smb, system, tls, ups

CHECKS: tuple[Check, ...] = (
    *smb.CHECKS, *samba.CHECKS, *files.CHECKS, *clock.CHECKS, *system.CHECKS, *disk.CHECKS, *ups.CHECKS,
    *network.CHECKS, *tls.CHECKS,
)
BY_ID = {check.id: check for check in CHECKS}
