"""The gunicorn configuration of `cni-guard serve`."""

import gc
import os
from pathlib import Path
from typing import Any

from webhook.limits import BACKLOG, CONNECTIONS_LIMIT, KEEP_SECONDS
from webhook.live import Settings, running
from webhook.loglimit import Quiet
from webhook.worker import Worker

_settings = Settings.from_environment(os.environ)

wsgi_app = "webhook.server:application()"
chdir = str(Path(__file__).parent.parent)
bind = _settings.bind
proc_name = "cni-guard"

# Scale by replicas, not workers: with one process, metrics need not be shared. gevent, since API servers keep many
# idle connections open and each would occupy a thread.
worker_class = Worker
workers = 1
worker_connections = CONNECTIONS_LIMIT
backlog = BACKLOG
preload_app = False
max_requests = 0

keepalive = KEEP_SECONDS
graceful_timeout = 20
timeout = 30

# Without these two settings, the worker would serve plain HTTP. `ssl_context` below provides the certificate.
certfile = str(_settings.files.certificate)
keyfile = str(_settings.files.key)
do_handshake_on_connect = True  # by then our worker has done the handshake

# API servers send short paths and few headers.
limit_request_line = 1024
limit_request_fields = 32
limit_request_field_size = 4096
forwarded_allow_ips = ""

# Write nothing to disk: the file system may be read-only and the home directory missing.
control_socket_disable = True
if Path("/dev/shm").is_dir():  # gunicorn's heartbeat file, in memory, with a unique name
    worker_tmp_dir = "/dev/shm"

logger_class = Quiet
logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {
            "()": "pythonjsonlogger.msgspec.MsgspecFormatter",
            "fmt": ["levelname", "message"],
            "rename_fields": {"levelname": "level", "exc_info": "traceback"},
            "timestamp": True,
        }
    },
    "filters": {"limit": {"()": "webhook.loglimit.the_limit"}},
    "handlers": {
        "stdout": {
            "class": "logging.StreamHandler",
            "formatter": "json",
            "filters": ["limit"],
            "stream": "ext://sys.stdout",
        }
    },
    "root": {"level": "INFO", "handlers": ["stdout"]},
    "loggers": {
        "gunicorn.error": {"level": "INFO", "handlers": ["stdout"], "propagate": False},
        "gunicorn.access": {"level": "CRITICAL", "handlers": [], "propagate": False},
    },
}


def post_worker_init(_worker: Any) -> None:
    """Exclude what is loaded by now from garbage collection, and collect less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def ssl_context(_config: Any, _default: Any) -> Any:
    """The TLS context of the worker, which always uses the current certificate."""
    return running().listener
