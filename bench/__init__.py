"""The figures of ReachInbox per second, beside those of this machine bare: `python -m bench --help`.

The modules named here register their benches when imported, and run in this order.
"""

from bench import exchange as exchange
from bench import hostile_lists as hostile_lists
from bench import inbox as inbox
from bench import liquid as liquid
from bench import machine as machine
from bench import million as million
from bench import older_design as older_design
from bench import plans as plans
from bench import replan as replan
from bench import schedule as schedule
from bench import send as send
from bench import senders as senders
from bench import soak as soak
