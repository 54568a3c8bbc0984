"""Parameters that handlers take from a request besides its body: ids, pages, and what the service provides."""

from __future__ import annotations

from typing import Annotated

from litestar.di import NamedDependency
from litestar.params import PathParameter, QueryParameter, SkipValidation

from app.db import Pool
from app.domain.accounts.actor import Actor
from app.domain.accounts.provider import Provider
from app.domain.accounts.users import Terms, User
from app.domain.oauth.providers import Providers
from app.domain.operations.installation import Ours
from app.domain.workspaces.quotas import Quotas
from app.secrets import SecretBox
from app.settings import Settings

MAX_ID = 2**63 - 1

Id = Annotated[int, PathParameter(name="id", ge=1, le=MAX_ID)]
SenderIdFilter = Annotated[int | None, QueryParameter(name="senderId", ge=1, le=MAX_ID)]
CampaignIdFilter = Annotated[int | None, QueryParameter(name="campaignId", ge=1, le=MAX_ID)]
EmailIdFilter = Annotated[int | None, QueryParameter(name="emailId", ge=1, le=MAX_ID)]
Limit = Annotated[int, QueryParameter(name="limit", description="How many at most, 1 to 500.")]
Cursor = Annotated[
    str | None,
    QueryParameter(
        name="cursor",
        description="`nextCursor` of the page before.",
        schema_extra={"pattern": r"^[0-9]{1,18}(\.[0-9]{1,18})?$"},
    ),
]

# Made by the service itself, so there is nothing to validate.
ThePool = SkipValidation[NamedDependency[Pool]]
TheUser = SkipValidation[NamedDependency[User]]
TheBox = SkipValidation[NamedDependency[SecretBox]]
TheSettings = SkipValidation[NamedDependency[Settings]]
TheActor = SkipValidation[NamedDependency[Actor]]
TheTerms = SkipValidation[NamedDependency[Terms]]
TheInstallation = SkipValidation[NamedDependency[Ours]]
TheQuotas = SkipValidation[NamedDependency[Quotas]]
TheMailProviders = SkipValidation[NamedDependency[Providers]]
TheProvider = SkipValidation[NamedDependency[Provider]]
