from fastapi import APIRouter, FastAPI, HTTPException

app, shop = FastAPI(), APIRouter(prefix="/shop")


@shop.get("/items/{item_id}")
def item(item_id: int) -> int:
    if item_id == 0:
        raise HTTPException(404)
    return 100 // (item_id - 1)


app.include_router(shop)
