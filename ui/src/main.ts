import { mount } from "svelte";
import "uplot/dist/uPlot.min.css";
import App from "./App.svelte";
import "./styles/base.css";
import "./styles/frame.css";
import "./styles/list.css";
import "./styles/details.css";
import "./styles/views.css";
import "./styles/dialogs.css";
import "./styles/notes.css";

const target = document.getElementById("app");
if (target) mount(App, { target });
