"""A SLURM cluster on this machine, for one test: munge, a controller and two nodes, with keys, ports and files of their own.

Nothing outside the directory given is read or changed, and no cluster that the machine belongs to is touched. Needs the
Debian packages slurmctld, slurmd, slurm-client and munge (scripts/setup.sh --test).
"""

import atexit
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "scontrol", "squeue", "scancel")
NODES = ("pare1", "pare2")
SEARCH_PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def missing_programs():
    return [name for name in PROGRAMS if not shutil.which(name, path=SEARCH_PATH)]


def end_with_parent():
    """In a child: ends when the test does, even if that is killed."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


# cred_expire: how long a requeued job waits before it may start again; 120 s if nothing is said, or less than 5.
# TmpFS: the PMIx plugin keeps a directory there, which two nodes on one machine must not share.
CONFIGURATION = """
ClusterName=pare
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={directory}/munge.socket,cred_expire=5
StateSaveLocation={directory}/state
SlurmctldPidFile={directory}/slurmctld.pid
SlurmctldLogFile={directory}/slurmctld.log
SlurmdPidFile={directory}/%n.pid
SlurmdLogFile={directory}/%n.log
SlurmdSpoolDir={directory}/spool-%n
TmpFS={directory}/tmp-%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/builtin
SchedulerParameters=sched_interval=1,sched_min_interval=0,batch_sched_delay=0
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
KillWait=10
ReturnToService=2
NodeName={nodes[0]} NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=2 State=UNKNOWN
NodeName={nodes[1]} NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs=2 State=UNKNOWN
PartitionName=low Nodes=ALL Default=YES PriorityTier=1 State=UP
PartitionName=high Nodes=ALL PriorityTier=2 PreemptMode=OFF State=UP
"""


class SlurmCluster:
    """Started by the constructor, ended by stop(); `environment` is that of a user of it."""

    def __init__(self, directory):
        self.directory = Path(directory)
        # munged refuses a socket that others could replace, and one that others cannot reach.
        self.directory.chmod(0o755)
        self.environment = {**os.environ, "PATH": SEARCH_PATH, "SLURM_CONF": str(self.directory / "slurm.conf")}
        for name in ("SLURM_JOB_ID", "SLURM_JOBID"):
            self.environment.pop(name, None)
        for name in ("state", *(f"{kind}-{node}" for kind in ("spool", "tmp") for node in NODES)):
            (self.directory / name).mkdir()
        user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
        host = socket.gethostname().split(".")[0]
        (self.directory / "slurm.conf").write_text(
            CONFIGURATION.format(directory=self.directory, ports=free_ports(3), user=user, host=host, nodes=NODES))
        self._processes = []
        atexit.register(self.stop)
        try:
            self._start_daemons()
        except BaseException:
            self.stop()
            raise

    def _start_daemons(self):
        key = self.directory / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(os.urandom(128))
        here = self.directory
        self._start("munged", "--foreground", "--force", f"--key-file={key}", f"--socket={here}/munge.socket",
                    f"--pid-file={here}/munged.pid", f"--log-file={here}/munged.log", f"--seed-file={here}/munged.seed")
        self.wait_for(lambda: (here / "munge.socket").exists(), "munged does not start")
        self._start("slurmctld", "-D", "-i")
        for node in NODES:
            self._start("slurmd", "-D", "-N", node)
        self.wait_for(lambda: self._try("sinfo", "-h", "-o", "%T", "-N").split().count("idle") >= len(NODES),
                      "the nodes do not come up")

    def _start(self, *command):
        log = open(self.directory / f"{len(self._processes)}-{command[0]}.out", "w")
        self._processes.append(subprocess.Popen(command, env=self.environment, stdin=subprocess.DEVNULL, stdout=log,
                                                stderr=subprocess.STDOUT, preexec_fn=end_with_parent))
        log.close()

    def _try(self, *command):
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60).stdout

    def run(self, *command):
        """The output of a command of SLURM that must succeed."""
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60, check=True).stdout

    def wait_for(self, condition, failure, seconds=90):
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"{failure} in {seconds} s\n{self.logs()}")
            time.sleep(0.2)

    def state(self, job):
        """Such as PENDING, RUNNING, COMPLETED; empty when nobody knows the job."""
        fields = dict(field.split("=", 1) for field in self._try("scontrol", "-o", "show", "job", job).split() if "=" in field)
        return fields.get("JobState", "")

    def logs(self):
        return "".join(f"--- {file.name}\n" + "\n".join(file.read_text(errors="replace").splitlines()[-15:]) + "\n"
                       for file in sorted([*self.directory.glob("*.log"), *self.directory.glob("*.out")]))

    def cancel_all(self):
        self._try("scancel", "--user", str(os.getuid()))
        deadline = time.monotonic() + 60
        while self._try("squeue", "-h") and time.monotonic() < deadline:
            time.sleep(0.2)

    def stop(self):
        """Jobs first, then the daemons in the opposite order of their start."""
        atexit.unregister(self.stop)
        if len(self._processes) > 1:
            self.cancel_all()
        for process in reversed(self._processes):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes = []
