"""fastapi-users with SQLAlchemy and its JWT strategy, after the full example of its documentation.

https://fastapi-users.github.io/fastapi-users/latest/configuration/full-example/. It has no refresh tokens, and a token
is good until it expires. `python -m bench.peers.fastapi_users_jwt` makes the database."""

import asyncio
import os
from collections.abc import AsyncGenerator
from typing import Any

from fastapi import Depends, FastAPI
from fastapi_users import BaseUserManager, FastAPIUsers, IntegerIDMixin, schemas
from fastapi_users.authentication import AuthenticationBackend, BearerTransport, JWTStrategy
from fastapi_users.db import SQLAlchemyUserDatabase
from fastapi_users_db_sqlalchemy import SQLAlchemyBaseUserTable
from sqlalchemy import String
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

SECRET = "bench-only-0123456789-abcdefghijklmnopqrstuvwxyz"
engine = create_async_engine(os.environ["DATABASE_URL"].replace("sqlite:", "sqlite+aiosqlite:"))
sessions = async_sessionmaker(engine, expire_on_commit=False)


class Base(DeclarativeBase):
    pass


class User(SQLAlchemyBaseUserTable[int], Base):
    id: Mapped[int] = mapped_column(primary_key=True)
    first_name: Mapped[str] = mapped_column(String(100))
    last_name: Mapped[str] = mapped_column(String(100))


class UserRead(schemas.BaseUser[int]):
    first_name: str
    last_name: str


class UserCreate(schemas.BaseUserCreate):
    first_name: str
    last_name: str


class UserManager(IntegerIDMixin, BaseUserManager[User, int]):
    reset_password_token_secret = SECRET
    verification_token_secret = SECRET


async def get_session() -> AsyncGenerator[AsyncSession]:
    async with sessions() as session:
        yield session


async def get_user_db(session: AsyncSession = Depends(get_session)) -> AsyncGenerator[Any]:  # noqa: B008 - FastAPI's way
    yield SQLAlchemyUserDatabase(session, User)


async def get_user_manager(user_db: Any = Depends(get_user_db)) -> AsyncGenerator[UserManager]:  # noqa: B008
    yield UserManager(user_db)


def get_jwt_strategy() -> JWTStrategy[User, int]:
    return JWTStrategy(secret=SECRET, lifetime_seconds=3600)


backend = AuthenticationBackend("jwt", BearerTransport(tokenUrl="login"), get_jwt_strategy)
fastapi_users = FastAPIUsers[User, int](get_user_manager, [backend])
app = FastAPI()
app.include_router(fastapi_users.get_auth_router(backend))
active_user = fastapi_users.current_user(active=True)


@app.get("/api/me", response_model=UserRead)
async def me(user: User = Depends(active_user)) -> User:  # noqa: B008
    return user


async def prepare() -> None:
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with sessions() as session:
        user = UserCreate(email="test@test.com", password="Test123!", first_name="John", last_name="Doe")
        await UserManager(SQLAlchemyUserDatabase(session, User)).create(user)


if __name__ == "__main__":
    asyncio.run(prepare())
