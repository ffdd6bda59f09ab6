"""The HTTP service: a thin cover over a bundle. Needs the extra `serve`."""

from pathlib import Path
from typing import Annotated, Any

from fastapi import Body, Depends, FastAPI, Query, Request
from fastapi import Path as InPath
from fastapi.responses import JSONResponse

from goeswith import __version__
from goeswith.bundle.bundle import MOST_IN_BASKET, Bundle
from goeswith.bundle.constraints import MOST_FILTERS, Constraints
from goeswith.bundle.filters import LONGEST
from goeswith.config import ServeSettings
from goeswith.errors import ConfigError, DataError, UnknownProductError
from goeswith.serve.limits import BodyLimit
from goeswith.serve.shapes import (
    BasketComplements,
    Complements,
    Health,
    NearProduct,
    NewProduct,
    Product,
    Refused,
    Unknown,
)

_FEW = 100
"""Bans and pins of one request; more would not fit an address."""

Ids = Annotated[list[Annotated[str, Query(max_length=5000)]], Query(max_length=_FEW)]


def _constraints(
    where: Annotated[
        list[Annotated[str, Query(max_length=LONGEST)]],
        Query(
            max_length=MOST_FILTERS,
            description="A filter on attributes, such as `price<=20`, `in_stock=true`, "
            "`brand in Mu|Nu` or `title contains steel`; repeatable.",
            examples=["price<=20"],
        ),
    ] = [],  # noqa: B006  FastAPI copies defaults
    ban: Ids = [],  # noqa: B006
    pin: Ids = [],  # noqa: B006
    per_type: Annotated[int | None, Query(ge=1, le=1000)] = None,
    diversity: Annotated[float | None, Query(ge=0, le=1, allow_inf_nan=False)] = None,
) -> Constraints | None:
    if not (where or ban or pin) and per_type is None and diversity is None:
        return None
    return Constraints.of(where, ban, pin, per_type, diversity)


Asked = Annotated[Constraints | None, Depends(_constraints)]


def create_app(bundle_path: Path | str, settings: ServeSettings | None = None) -> FastAPI:
    """The service for one bundle, every file of which is checked first.

    Args:
        bundle_path: as given to `goeswith fit --out`.
        settings: `max_k` bounds `k`, `live` says whether models are kept in memory; host and port
            are the server's.

    Raises:
        BundleError: the bundle cannot be answered from.
    """
    settings = settings or ServeSettings()
    bundle = Bundle.open(bundle_path, verify=True)
    # read now: a later fit removes the files of this build, which only maps stay valid without
    columns = [name for name in bundle.catalog_frame.columns if name != "product_id"]
    if settings.live:
        bundle.live.load()
    bundle.asks_models = settings.live
    most = min(settings.max_k, bundle.k)
    ten = min(10, most)
    app = FastAPI(
        title="goeswith",
        version=__version__,
        description="What goes with this product? Complements, each with its evidence.",
    )
    app.add_middleware(BodyLimit)
    _tell_errors(app, bundle)
    product_id = InPath(description="As in the catalogue; may hold slashes.", examples=["case-1"])
    unknown: dict[int | str, dict[str, Any]] = {404: {"model": Unknown}}
    how_many = Annotated[int, Query(ge=1, le=most, description="How many answers.")]

    # before the route of a product, whose path takes any end
    @app.get("/v1/products/{product_id:path}/complements", responses=unknown)
    def complements(
        product_id: Annotated[str, product_id],
        asked: Asked,
        k: how_many = ten,
    ) -> Complements:
        """What goes with a product, best first; fewer than `k` where fewer are known."""
        return Complements.model_validate(
            {
                "bundle": bundle.id,
                "product_id": product_id,
                "complements": bundle.complements(product_id, k, asked),
            }
        )

    @app.get("/v1/products/{product_id:path}", responses=unknown)
    def product(product_id: Annotated[str, product_id]) -> Product:
        """A product and every attribute that the catalogue has of it."""
        known = bundle.product(product_id)
        attributes = {name: known[name] for name in columns if name in known}
        return Product(bundle=bundle.id, product_id=product_id, attributes=attributes)

    @app.get("/v1/basket", responses=unknown)
    def basket(
        product: Annotated[
            list[Annotated[str, Query(max_length=5000)]],
            Query(
                min_length=1,
                max_length=MOST_IN_BASKET,
                description="A product in the basket; repeatable.",
                examples=["phone-1"],
            ),
        ],
        asked: Asked,
        k: how_many = ten,
    ) -> BasketComplements:
        """What goes with several products together, best first."""
        return BasketComplements.model_validate(
            {
                "bundle": bundle.id,
                "basket": list(dict.fromkeys(product)),
                "complements": bundle.basket(product, k, asked),
            }
        )

    @app.post("/v1/complements", responses={422: {"model": Refused}})
    def complements_of_new(
        new: Annotated[NewProduct, Body()],
        asked: Asked,
        k: how_many = ten,
    ) -> Complements:
        """What goes with a product that the catalogue does not hold, from its attributes."""
        return Complements.model_validate(
            {
                "bundle": bundle.id,
                "product_id": str(new.attributes.get("product_id") or "new product"),
                "complements": bundle.complements_of_new(new.attributes, k, asked),
            }
        )

    _tell_health(app, bundle)
    return app


def _tell_errors(app: FastAPI, bundle: Bundle) -> None:
    """404 for a product that is not there, 422 for what cannot be read."""

    @app.exception_handler(UnknownProductError)
    def say_unknown(request: Request, error: Exception) -> JSONResponse:
        asked = getattr(error, "product_id", None) or ""
        near = [
            NearProduct(product_id=bundle.products.ids[row], title=bundle.products.title(row))
            for row in bundle.products.nearest(asked)
        ]
        content = Unknown(bundle=bundle.id, detail=str(error), nearest=near)
        return JSONResponse(content.model_dump(), status_code=404)

    def say_refused(request: Request, error: Exception) -> JSONResponse:
        content = Refused(bundle=bundle.id, detail=str(error))
        return JSONResponse(content.model_dump(), status_code=422)

    app.add_exception_handler(ConfigError, say_refused)
    app.add_exception_handler(DataError, say_refused)


def _tell_health(app: FastAPI, bundle: Bundle) -> None:
    @app.get("/v1/health/live")
    def live() -> Health:
        """The process answers."""
        return Health(status="live", bundle=bundle.id, products=len(bundle))

    @app.get("/v1/health/ready")
    def ready() -> Health:
        """A bundle is open and whole."""
        return Health(status="ready", bundle=bundle.id, products=len(bundle))
