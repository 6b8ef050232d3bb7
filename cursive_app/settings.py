"""Every setting of Cursive: environment variables, read here and nowhere else.

A field's alias is the variable, its description is the row of the table in the README, and `production_problems`
holds the rules a production start must satisfy. A vendor's key that is absent selects the sandbox's stand-in in
development and test, and is a refusal to start in production.
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from cursive_app import setting_rules as rules

ROOT = Path(__file__).resolve().parent.parent
DEVELOPMENT_SECRET = "development-only-secret-key-do-not-deploy"  # noqa: S105 (production refuses it)


def _env(alias: str, default: Any, description: str) -> Any:
    return Field(default=default, validation_alias=alias, description=description)


class Settings(BaseSettings):
    """Typed settings. Construct through `settings()`; tests replace it through `override`."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, env_ignore_empty=True)

    environment: Literal["development", "test", "production"] = _env(
        "CURSIVE_ENV", "development", "What Cursive runs for; production refuses unsafe settings"
    )
    secret_key: SecretStr = _env(
        "SECRET_KEY", SecretStr(DEVELOPMENT_SECRET), "Signs links and derives database passwords; 32+ random characters"
    )
    host: Annotated[str, rules.HOST] = _env("HOST", "127.0.0.1", "Address the web process listens on")
    port: Annotated[int, rules.PORT] = _env("PORT", 8000, "Port the web process listens on")
    public_url: Annotated[str, rules.WEB_ADDRESS] = Field(
        default_factory=lambda known: f"http://localhost:{known.get('port', 8000)}",
        validation_alias="PUBLIC_URL",
        description="Where people reach Cursive; links in mail start with it; unset: `http://localhost:` and PORT",
    )
    trusted_proxy_hops: Annotated[int, rules.whole(0, 20)] = _env(
        "TRUSTED_PROXY_HOPS", 0, "How many proxies in front may set X-Forwarded-For"
    )
    data_dir: Path = _env(
        "DATA_DIR", ROOT / ".cursive", "Embedded Postgres, logs, what the sandbox keeps, uploads on their way"
    )
    log_level: Annotated[str, rules.LOG_LEVEL] = _env("LOG_LEVEL", "INFO", "What is worth a line in the logs")

    database_url: Annotated[SecretStr | None, rules.DATABASE_ADDRESS] = _env(
        "DATABASE_URL",
        None,
        "Owner login of a Postgres 16+ database, used by `cursive migrate`; unset: embedded Postgres",
    )
    database_app_url: Annotated[SecretStr | None, rules.DATABASE_ADDRESS] = _env(
        "DATABASE_APP_URL", None, "Login of the restricted role; unset: DATABASE_URL with the role `cursive_app`"
    )
    database_system_url: Annotated[SecretStr | None, rules.DATABASE_ADDRESS] = _env(
        "DATABASE_SYSTEM_URL", None, "Login of the system role; unset: DATABASE_URL with the role `cursive_system`"
    )
    database_pool_size: Annotated[int, rules.whole(1, 1_000)] = _env(
        "DATABASE_POOL_SIZE", 10, "Connections per process and role"
    )
    redis_url: Annotated[SecretStr | None, rules.REDIS_ADDRESS] = _env(
        "REDIS_URL", None, "Shared page state for several web processes; unset: one web process"
    )

    audiencelab_api_key: Annotated[SecretStr | None, rules.KEY] = _env(
        "AUDIENCELAB_API_KEY", None, "Provider key; unset: the sandbox"
    )
    audiencelab_base_url: Annotated[str | None, rules.WEB_ADDRESS] = _env(
        "AUDIENCELAB_BASE_URL", None, "Provider address; unset: the vendor's with a key, the sandbox without"
    )
    audiencelab_timeout_seconds: Annotated[float, rules.between(0.1, 600)] = _env(
        "AUDIENCELAB_TIMEOUT_SECONDS", 30.0, "Longest wait for one provider call"
    )
    audiencelab_max_concurrency: Annotated[int, rules.whole(1, 100)] = _env(
        "AUDIENCELAB_MAX_CONCURRENCY", 5, "Provider calls at once, of all processes together"
    )
    audiencelab_page_size: Annotated[int, rules.whole(1, 1_000)] = _env(
        "AUDIENCELAB_PAGE_SIZE", 500, "Records asked for per page"
    )
    audiencelab_page_pause_seconds: Annotated[float, rules.between(0, 60)] = _env(
        "AUDIENCELAB_PAGE_PAUSE_SECONDS", 0.25, "Pause between two pages"
    )
    audiencelab_ready_schedule: Annotated[str, rules.pauses(rising=True)] = _env(
        "AUDIENCELAB_READY_SCHEDULE",
        "20,40,60,90,120,180",
        "Seconds after creation at which a new audience is looked at",
    )
    audiencelab_result_hosts: Annotated[str, rules.HOSTS] = _env(
        "AUDIENCELAB_RESULT_HOSTS",
        "",
        "Further hosts whose result files are fetched, over https, those below them included",
    )
    audiencelab_segment_prefix_retry: bool = _env(
        "AUDIENCELAB_SEGMENT_PREFIX_RETRY", True, "Retry a refused bare segment id once in its prefixed form"
    )

    smtp_url: Annotated[SecretStr | None, rules.MAIL_SERVER] = _env(
        "SMTP_URL", None, "`smtp[s]://user:password@host:port`; unset: the sandbox's mailbox"
    )
    mail_from: Annotated[str, rules.SENDER] = _env(
        "MAIL_FROM", "Cursive <hello@cursive.example>", "Sender of system mail"
    )

    database_lead_price: Annotated[Decimal, rules.credits_between("0", "10000")] = _env(
        "DATABASE_LEAD_PRICE", Decimal("0.50"), "Credits per new lead from a segment run"
    )
    enrichment_price: Annotated[Decimal, rules.credits_between("0.01", "10000")] = _env(
        "ENRICHMENT_PRICE", Decimal("0.25"), "Credits per row of a customer's list that was matched"
    )
    enrichment_minimum_rows: Annotated[int, rules.whole(1, 10_000_000)] = _env(
        "ENRICHMENT_MINIMUM_ROWS", 100, "Valid, unique rows a list needs to be enriched"
    )
    enrichment_maximum_rows: Annotated[int, rules.whole(1, 10_000_000)] = _env(
        "ENRICHMENT_MAXIMUM_ROWS", 50_000, "Rows a list may have"
    )
    enrichment_maximum_bytes: Annotated[int, rules.whole(1_000, 2**31 - 1)] = _env(
        "ENRICHMENT_MAXIMUM_BYTES", 25 * 1024 * 1024, "Bytes a list may have as it is uploaded"
    )
    enrichment_chunk_rows: Annotated[int, rules.whole(1, 100_000)] = _env(
        "ENRICHMENT_CHUNK_ROWS", 5_000, "Rows sent to the provider in one batch job"
    )
    enrichment_sample_rows: Annotated[int, rules.whole(1, 10_000)] = _env(
        "ENRICHMENT_SAMPLE_ROWS", 50, "Rows of a free dry run"
    )
    enrichment_samples_per_day: Annotated[int, rules.whole(0, 10_000)] = _env(
        "ENRICHMENT_SAMPLES_PER_DAY", 10, "Free dry runs of one workspace within 24 hours"
    )
    enrichment_keep_days: Annotated[int, rules.whole(1, 3_650)] = _env(
        "ENRICHMENT_KEEP_DAYS", 30, "Days after which a list's file, rows and results are deleted"
    )
    enrichment_schedule: Annotated[str, rules.pauses()] = _env(
        "ENRICHMENT_SCHEDULE", "15,30,60,120,300", "Pauses in seconds between looks at a provider job; the last repeats"
    )
    jobs_keep_days: Annotated[int, rules.whole(0, 3_650)] = _env(
        "JOBS_KEEP_DAYS",
        400,
        "Days after its end for which a job, its timeline and its attempts are kept, ENRICHMENT_KEEP_DAYS at least; "
        "0: for ever",
    )
    upload_dir: Path | None = _env("UPLOAD_DIR", None, "Where uploads are spooled; unset: `uploads` in DATA_DIR")
    signup_grant: Annotated[Decimal, rules.credits_between("0", "1000000")] = _env(
        "SIGNUP_GRANT", Decimal("0"), "Credits granted once to a new workspace"
    )
    session_idle_hours: Annotated[int, rules.whole(1, 8_760)] = _env(
        "SESSION_IDLE_HOURS", 12, "A session unused for this long ends"
    )
    session_absolute_days: Annotated[int, rules.whole(1, 3_650)] = _env(
        "SESSION_ABSOLUTE_DAYS", 14, "A session never lives longer"
    )

    worker_concurrency: Annotated[int, rules.whole(1, 1_000)] = _env(
        "WORKER_CONCURRENCY", 4, "Queue tasks a worker process runs at once"
    )
    web_workers: Annotated[int, rules.whole(1, 100)] = _env(
        "WEB_WORKERS", 1, "Web processes; more than one needs REDIS_URL"
    )

    sandbox_port: Annotated[int, rules.PORT] = _env(
        "SANDBOX_PORT", 8001, "HTTP port of the sandbox (provider stand-in, mailbox page)"
    )
    sandbox_smtp_port: Annotated[int, rules.PORT] = _env(
        "SANDBOX_SMTP_PORT", 8025, "SMTP port of the sandbox's mailbox"
    )
    sandbox_people: Annotated[int, rules.whole(1, 10_000_000)] = _env(
        "SANDBOX_PEOPLE", 100_000, "Synthetic people the sandbox provider holds"
    )
    sandbox_seed: Annotated[int, rules.whole(0, 2**31 - 1)] = _env(
        "SANDBOX_SEED", 20260101, "Seed of the synthetic people"
    )
    sandbox_quirks: bool = _env("SANDBOX_QUIRKS", True, "Whether the sandbox misbehaves the way the vendor was seen to")
    sandbox_build_seconds: Annotated[float, rules.between(0, 3_600)] = _env(
        "SANDBOX_BUILD_SECONDS", 2.0, "How long the sandbox takes to build an audience"
    )

    @field_validator("public_url", "audiencelab_base_url")
    @classmethod
    def _no_trailing_slash(cls, value: str | None) -> str | None:
        return value.rstrip("/") if value else value

    @field_validator("log_level", mode="before")
    @classmethod
    def _capitals(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("*")
    @classmethod
    def _possible(cls, value: Any, info: ValidationInfo) -> Any:
        if not rules.is_possible(cls.model_fields[str(info.field_name)], value):
            raise ValueError("impossible")  # `setting_rules.refusals` finds the words
        return value

    @model_validator(mode="after")
    def _go_together(self) -> Self:
        if self.enrichment_minimum_rows > self.enrichment_maximum_rows:
            raise ValueError(
                f"ENRICHMENT_MINIMUM_ROWS is {self.enrichment_minimum_rows:,} and ENRICHMENT_MAXIMUM_ROWS "
                f"{self.enrichment_maximum_rows:,}, so no list could be enriched; the minimum must not be above the "
                "maximum."
            )
        ports = {"PORT": self.port, "SANDBOX_PORT": self.sandbox_port, "SANDBOX_SMTP_PORT": self.sandbox_smtp_port}
        for one, other in combinations(ports, 2):
            # A default port of the sandbox gives way by itself (`preflight.sandbox_ports`).
            if ports[one] == ports[other] and other.lower() in self.model_fields_set:
                raise ValueError(f"{one} and {other} are both {ports[one]}; each needs a port of its own.")
        return self

    @property
    def is_production(self) -> bool:
        return self.environment == "production"

    @property
    def provider_is_sandbox(self) -> bool:
        return self.audiencelab_api_key is None

    @property
    def provider_base_url(self) -> str:
        """Base address of the provider's API: the configured one, else the vendor's, else the sandbox's."""
        if self.audiencelab_base_url:
            return self.audiencelab_base_url
        if self.provider_is_sandbox:
            return f"http://127.0.0.1:{self.sandbox_port}/audiencelab"
        return "https://api.audiencelab.io"

    @property
    def provider_api_key(self) -> str:
        key = self.audiencelab_api_key
        return key.get_secret_value() if key else "sandbox-key"

    @property
    def provider_ready_schedule(self) -> tuple[float, ...]:
        """Seconds after creation at which a building audience is looked at; short in the quick sandbox."""
        if self.provider_is_sandbox and not self.is_production:
            return (0.5, 1, 2, 3, 4, 6, 8, 12, 20, 30, 60)
        return tuple(float(part) for part in self.audiencelab_ready_schedule.split(","))

    @property
    def enrichment_pauses(self) -> tuple[float, ...]:
        """Seconds between two looks at a provider's batch job, the last one repeated; short in the quick sandbox."""
        if self.provider_is_sandbox and not self.is_production:
            return (0.5, 1, 2, 3, 5)
        return tuple(float(part) for part in self.enrichment_schedule.split(","))

    @property
    def job_history_days(self) -> int | None:
        """Days for which jobs are kept after their end; None: for ever. Those of a list do not go before its files."""
        return max(self.jobs_keep_days, self.enrichment_keep_days) if self.jobs_keep_days else None

    @property
    def spool_dir(self) -> Path:
        return self.upload_dir or self.data_dir / "uploads"

    @property
    def mail_url(self) -> str:
        """Where mail is handed over."""
        return self.smtp_url.get_secret_value() if self.smtp_url else f"smtp://127.0.0.1:{self.sandbox_smtp_port}"

    @property
    def uses_https(self) -> bool:
        return urlsplit(self.public_url).scheme == "https"

    def production_problems(self) -> list[str]:
        """What makes these settings unsafe for production, one sentence each; empty when they are safe."""
        problems: list[str] = []
        secret = self.secret_key.get_secret_value()
        if secret == DEVELOPMENT_SECRET or len(secret) < 32:
            problems.append("SECRET_KEY must be set to at least 32 random characters.")
        if not self.uses_https:
            problems.append("PUBLIC_URL must start with https://, or session cookies travel in clear.")
        if self.trusted_proxy_hops == 0:
            problems.append(
                "TRUSTED_PROXY_HOPS is 0, so that all visitors seem to come from the proxy that ends TLS and their "
                "tries count as one visitor's; set it to the number of proxies in front."
            )
        problems += self._database_problems()
        if self.audiencelab_api_key is None:
            problems.append("AUDIENCELAB_API_KEY is missing; the sandbox's synthetic people must never be sold.")
        if not rules.is_public_https(self.provider_base_url) and not (
            self.audiencelab_api_key is None and self.audiencelab_base_url is None  # said already
        ):
            problems.append(
                "AUDIENCELAB_BASE_URL must be the vendor's https:// address, or unset: it gets the key, and a server "
                "on this machine is a stand-in."
            )
        if self.smtp_url is None:
            problems.append("SMTP_URL is missing; verification and invitation mail would not leave the machine.")
        if rules.is_example_sender(self.mail_from):
            problems.append("MAIL_FROM is an example that no mail can come from; set it to an address of your own.")
        if self.web_workers > 1 and self.redis_url is None:
            problems.append("WEB_WORKERS above 1 needs REDIS_URL, or page state is lost between processes.")
        return problems

    def _database_problems(self) -> list[str]:
        if self.database_url is not None:
            return []
        own = {"DATABASE_APP_URL": self.database_app_url, "DATABASE_SYSTEM_URL": self.database_system_url}
        missing = [variable for variable, value in own.items() if value is None]
        if len(missing) == len(own):
            return ["DATABASE_URL must name a managed Postgres; the embedded one has no backups."]
        return [
            f"{variable} is missing; without DATABASE_URL the logins of both roles are needed." for variable in missing
        ]


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()
