"""The HTTP service: a thin cover over a bundle. Needs the extra `serve`."""

from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi import Path as InPath
from fastapi.responses import JSONResponse

from goeswith import __version__
from goeswith.bundle.bundle import Bundle
from goeswith.config import ServeSettings
from goeswith.errors import UnknownProductError
from goeswith.serve.shapes import Complements, Health, NearProduct, Product, Unknown


def create_app(bundle_path: Path | str, settings: ServeSettings | None = None) -> FastAPI:
    """The service for one bundle, every file of which is checked first.

    Args:
        bundle_path: as given to `goeswith fit --out`.
        settings: `max_k` bounds `k`; host and port are the server's.

    Raises:
        BundleError: the bundle cannot be answered from.
    """
    settings = settings or ServeSettings()
    bundle = Bundle.open(bundle_path, verify=True)
    # read now: a later fit removes the files of this build, which only maps stay valid without
    columns = [name for name in bundle.catalog_frame.columns if name != "product_id"]
    most = min(settings.max_k, bundle.k)
    app = FastAPI(
        title="goeswith",
        version=__version__,
        description="What goes with this product? Complements, each with its evidence.",
    )
    product_id = InPath(description="As in the catalogue; may hold slashes.", examples=["case-1"])
    unknown: dict[int | str, dict[str, Any]] = {404: {"model": Unknown}}

    @app.exception_handler(UnknownProductError)
    def say_unknown(request: Request, error: Exception) -> JSONResponse:
        asked = request.path_params["product_id"]
        near = [
            NearProduct(product_id=bundle.products.ids[row], title=bundle.products.title(row))
            for row in bundle.products.nearest(asked)
        ]
        content = Unknown(bundle=bundle.id, detail=str(error), nearest=near)
        return JSONResponse(content.model_dump(), status_code=404)

    # before the route of a product, whose path takes any end
    @app.get("/v1/products/{product_id:path}/complements", responses=unknown)
    def complements(
        product_id: Annotated[str, product_id],
        k: Annotated[int, Query(ge=1, le=most, description="How many answers.")] = min(10, most),
    ) -> Complements:
        """What goes with a product, best first; fewer than `k` where fewer are known."""
        return Complements.model_validate(
            {
                "bundle": bundle.id,
                "product_id": product_id,
                "complements": bundle.complements(product_id, k),
            }
        )

    @app.get("/v1/products/{product_id:path}", responses=unknown)
    def product(product_id: Annotated[str, product_id]) -> Product:
        """A product and every attribute that the catalogue has of it."""
        known = bundle.product(product_id)
        attributes = {name: known[name] for name in columns if name in known}
        return Product(bundle=bundle.id, product_id=product_id, attributes=attributes)

    @app.get("/v1/health/live")
    def live() -> Health:
        """The process answers."""
        return Health(status="live", bundle=bundle.id, products=len(bundle))

    @app.get("/v1/health/ready")
    def ready() -> Health:
        """A bundle is open and whole."""
        return Health(status="ready", bundle=bundle.id, products=len(bundle))

    return app
