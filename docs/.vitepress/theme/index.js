/** VitePress's own theme, where axe finds something in it mended. */
import { useRoute } from "vitepress"
import theme from "vitepress/theme"
import { nextTick, onMounted, watch } from "vue"
import "./style.css"

/** The home page has no main landmark of its own; every other page has. */
const mark = () => {
  const content = document.getElementById("VPContent")
  if (content?.classList.contains("is-home")) content.setAttribute("role", "main")
  else content?.removeAttribute("role")
}

export default {
  extends: theme,
  setup: () => {
    const route = useRoute()
    onMounted(mark)
    watch(
      () => route.path,
      () => nextTick(mark),
    )
  },
}
