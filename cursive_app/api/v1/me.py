"""GET /api/v1/me: what the credentials of this request may do, and where."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from cursive_app.api.auth import tenant_of
from cursive_app.services import accounts
from db.scope import Tenant

router = APIRouter(prefix="/me", tags=["Me"])


class Me(BaseModel):
    """Who this request acts as."""

    model_config = ConfigDict(frozen=True)

    workspace_id: UUID
    role: str = Field(examples=["member"])
    user_id: UUID | None = Field(description="The person; null for an API key.")
    api_key_id: UUID | None = Field(description="The key; null for a person in a browser.")
    permissions: list[str] = Field(
        description="What this request may do: the role's permissions, for a key narrowed to its scopes.",
        examples=[["credits:read", "segments:read"]],
    )


@router.get("", summary="Who am I")
def get_me(tenant: Tenant = Depends(tenant_of)) -> Me:
    """The workspace, role and permissions behind the credentials of this request."""
    return Me(
        workspace_id=tenant.workspace_id,
        role=tenant.role.value,
        user_id=None if tenant.api_key_id else tenant.user_id,
        api_key_id=tenant.api_key_id,
        permissions=sorted(one.value for one in accounts.Permission if accounts.allows(tenant, one)),
    )
